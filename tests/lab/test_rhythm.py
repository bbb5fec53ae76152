from __future__ import annotations

import asyncio

import numpy as np
import pytest

from flowml.lab.rhythm import draw_rhythm, pause_s, together


@pytest.mark.parametrize("kind", ["steady", "jittered", "random", "bursty"])
def test_every_rhythm_keeps_its_period_on_average(kind: str) -> None:
    rng = np.random.default_rng(1)
    pauses = [pause_s(10.0, kind, rng) for _ in range(20_000)]
    assert np.mean(pauses) == pytest.approx(10.0, rel=0.05)


def test_rhythms_differ_in_their_spread() -> None:
    rng = np.random.default_rng(1)
    spread = {
        kind: np.std([pause_s(10.0, kind, rng) for _ in range(5000)])
        for kind in ("steady", "jittered", "random", "bursty")
    }
    assert spread["steady"] == 0.0
    assert spread["steady"] < spread["jittered"] < spread["random"] < spread["bursty"]


def test_a_drawn_rhythm_is_near_the_periods_it_may_have() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        drawn = draw_rhythm(rng, [10.0])
        assert 7.0 <= float(drawn["period_s"]) <= 15.0


def test_a_conversation_ends_when_one_part_breaks() -> None:
    async def breaks() -> None:
        raise ConnectionResetError

    async def waits() -> None:
        await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(together(waits(), breaks()))
    assert caught.group_contains(ConnectionResetError)
