"""Names that a person's device asks for."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from flowml.lab.benign.browsing import browse, draw_browsing
from flowml.lab.simulation.clock import SimulatedLoop


def _asked(drawn: dict[str, float], duration_s: float) -> list[tuple[float, int]]:
    """When, and for how many names at once."""

    async def play() -> list[tuple[float, int]]:
        asked: list[tuple[float, int]] = []

        async def ask(n_names: int) -> None:
            asked.append((asyncio.get_running_loop().time(), n_names))

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(duration_s):
                await browse(ask, drawn, np.random.default_rng(7))
        return asked

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(play())


def test_a_page_needs_several_names_and_then_nothing_for_a_while() -> None:
    drawn = {
        "page_s": 20.0,
        "lull_s": 90.0,
        "lull_ratio": 0.2,
        "waves": 3.0,
        "wave_gap_s": 0.1,
        "at_once": 2.0,
    }
    asked = _asked(drawn, 20_000.0)
    gaps_s = np.diff([when_s for when_s, _ in asked])
    assert np.mean([n_names for _, n_names in asked]) == pytest.approx(2.0, rel=0.15)
    # two in three are followed by another wave of the same page
    assert np.mean(gaps_s < 1.0) == pytest.approx(2 / 3, abs=0.06)
    # a page and the pause after it: 0.8 of 20 s and 0.2 of 90 s
    assert len(asked) == pytest.approx(3 * 20_000 / 34, rel=0.15)


def test_what_is_drawn_is_enough_to_browse_by() -> None:
    for seed in range(20):
        drawn = {name: float(value) for name, value in draw_browsing(np.random.default_rng(seed)).items()}
        assert _asked(drawn, 2_000.0)
