"""When a person's device wants names: pages that need several at once, clicks, lulls of minutes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from numpy.random import Generator

    from flowml.lab.actor import Parameters


def draw_browsing(rng: Generator) -> Parameters:
    """Draw the parameters that ``browse`` reads.

    ``page_s`` is the mean time between pages while somebody looks at them, ``lull_s`` the mean of the pauses
    after ``lull_ratio`` of them. A page is ``waves`` of names, one wave for what the last one led to, with
    ``at_once`` names each (geometric means, both).
    """
    return {
        "page_s": round(log_uniform(rng, 1.0, 25.0), 2),
        "lull_s": round(log_uniform(rng, 10.0, 120.0), 1),
        "lull_ratio": float(rng.choice([0.02, 0.1, 0.3])),
        "waves": float(rng.choice([1.0, 1.5, 3.0, 8.0])),
        "wave_gap_s": round(log_uniform(rng, 0.03, 1.5), 3),
        "at_once": float(rng.choice([1.0, 1.2, 2.0, 3.0])),
    }


async def browse(ask: Callable[[int], Awaitable[None]], drawn: Mapping[str, Any], rng: Generator) -> None:
    """Open pages for ever; ``ask`` is called with the number of names that are wanted at the same time."""
    while True:
        for _ in range(int(rng.geometric(1.0 / drawn["waves"]))):
            await ask(int(rng.geometric(1.0 / drawn["at_once"])))
            await asyncio.sleep(rng.exponential(drawn["wave_gap_s"]))
        is_lull = rng.random() < drawn["lull_ratio"]
        await asyncio.sleep(rng.exponential(drawn["lull_s" if is_lull else "page_s"]))
