"""How messages are spaced: like a clock, nearly so, at random, or in bursts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from numpy.random import Generator

_KINDS = ("steady", "jittered", "random", "bursty")


def draw_rhythm(
    rng: Generator, periods_s: Sequence[float], kinds: Sequence[str] = _KINDS
) -> dict[str, float | str]:
    """Draw the parameters that ``pause`` reads: a period near one of those given, and a kind of spacing."""
    return {
        "period_s": round(
            float(rng.choice(periods_s)) * float(rng.choice([1.0, 1.0, rng.uniform(0.7, 1.5)])), 3
        ),
        "rhythm": str(rng.choice(kinds)),
    }


async def pause(parameters: Mapping[str, Any], rng: Generator) -> None:
    """Sleep until the next message of an actor whose parameters hold ``draw_rhythm``'s."""
    await asyncio.sleep(pause_s(parameters["period_s"], parameters["rhythm"], rng))


def pause_s(period_s: float, kind: str, rng: Generator) -> float:
    """Draw the time to the next message, in seconds; its mean is about ``period_s``."""
    if kind == "steady":
        return period_s
    if kind == "jittered":
        return period_s * float(rng.uniform(0.8, 1.2))
    if kind == "random":
        return float(rng.exponential(period_s))
    # Bursts: four in five pauses are short, the fifth makes up for them.
    return float(rng.exponential(period_s * (0.05 if rng.random() < 0.8 else 4.8)))


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts of a conversation side by side until one of them fails, as all do when it breaks."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)


@asynccontextmanager
async def background() -> AsyncIterator[Callable[[Coroutine[Any, Any, None]], object]]:
    """Run parts beside the body of a context; they end with it, and it fails when one of them does."""
    async with asyncio.TaskGroup() as group:
        running: set[asyncio.Task[None]] = set()

        def start(part: Coroutine[Any, Any, None]) -> None:
            task = group.create_task(part)
            running.add(task)
            task.add_done_callback(running.discard)

        yield start
        for task in tuple(running):
            task.cancel()
