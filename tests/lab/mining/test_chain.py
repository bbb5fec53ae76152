from __future__ import annotations

import asyncio

import numpy as np
import pytest
from scipy import stats

from flowml.lab.mining.chain import next_work


def test_work_comes_with_the_refresh_timer_or_with_an_earlier_block() -> None:
    async def kinds() -> list[bool]:
        rng = np.random.default_rng(1)
        return list(await asyncio.gather(*(next_work(0.02, 0.01, rng) for _ in range(400))))

    blocks = sum(asyncio.run(kinds()))
    expected = 400 * (1 - np.exp(-0.5))  # a block before the timer, with half a mean block time to wait
    assert abs(blocks - expected) < 40


def test_without_a_timer_all_work_comes_with_blocks() -> None:
    assert asyncio.run(next_work(0.001, 0.0, np.random.default_rng(1)))


@pytest.mark.parametrize(("refresh_s", "is_exponential"), [(0.0, True), (60.0, False)])
def test_gaps_between_jobs_are_exponential_until_a_timer_cuts_them(
    refresh_s: float, is_exponential: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps_s: list[float] = []

    async def sleep(seconds: float) -> None:
        gaps_s.append(seconds)

    async def work() -> None:
        rng = np.random.default_rng(6)
        for _ in range(3000):
            await next_work(120.0, refresh_s, rng)

    monkeypatch.setattr("flowml.lab.mining.chain.asyncio.sleep", sleep)
    asyncio.run(work())
    assert (stats.kstest(gaps_s, stats.expon(scale=120.0).cdf).pvalue > 0.01) == is_exponential
    assert not refresh_s or max(gaps_s) == refresh_s
