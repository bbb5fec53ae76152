from __future__ import annotations

import asyncio

import numpy as np

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
