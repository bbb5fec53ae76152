from __future__ import annotations

import asyncio

import numpy as np
from scipy import stats

from flowml.lab.mining.shares import Vardiff, VardiffSettings, happens_within, share_gap_s


def test_share_gaps_are_exponential_with_difficulty_over_hash_rate() -> None:
    rng = np.random.default_rng(1)
    gaps_s = [share_gap_s(1000.0, 30_000.0, rng) for _ in range(4000)]
    assert stats.kstest(gaps_s, stats.expon(scale=30.0).cdf).pvalue > 0.01


def test_share_gaps_of_another_difficulty_are_told_apart() -> None:
    rng = np.random.default_rng(1)
    gaps_s = [share_gap_s(1000.0, 33_000.0, rng) for _ in range(4000)]
    assert stats.kstest(gaps_s, stats.expon(scale=30.0).cdf).pvalue < 0.01


def test_vardiff_brings_a_miner_to_the_target_rate() -> None:
    rng = np.random.default_rng(2)
    hashes_per_s = 5000.0
    vardiff = Vardiff(VardiffSettings(30.0, 120.0, 0.2, start_difficulty=500.0), now_s=0.0)
    now_s, times_s = 0.0, []
    while now_s < 40_000.0:
        now_s += share_gap_s(hashes_per_s, vardiff.difficulty, rng)
        times_s.append(now_s)
        vardiff.count_share()
        vardiff.retarget(now_s)
    settled = np.diff([t for t in times_s if t > 10_000.0])
    assert 15.0 < settled.mean() < 60.0
    burst = [t for t in times_s if t < 60.0]
    assert len(burst) > 60, "a low start difficulty gives a burst after the login"


def test_vardiff_leaves_a_miner_alone_between_retargets_and_within_the_variance() -> None:
    vardiff = Vardiff(VardiffSettings(10.0, 60.0, 0.3, start_difficulty=100.0), now_s=0.0)
    for _ in range(6):
        vardiff.count_share()
    assert not vardiff.retarget(59.0)
    assert not vardiff.retarget(60.0)
    assert vardiff.difficulty == 100.0


def test_waiting_ends_with_the_event_or_with_the_time() -> None:
    async def wait() -> tuple[bool, bool]:
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, event.set)
        return await happens_within(event, 30.0), await happens_within(event, 0.01)

    assert asyncio.run(wait()) == (True, False)


def test_a_pool_of_octaves_gives_out_powers_of_two_alone() -> None:
    vardiff = Vardiff(VardiffSettings(30.0, 60.0, 0.2, start_difficulty=300.0, has_octaves=True), now_s=0.0)
    for _ in range(7):
        vardiff.count_share()
    assert vardiff.retarget(70.0)
    assert vardiff.difficulty == 1024.0


def test_a_burst_of_shares_is_answered_before_the_timer() -> None:
    vardiff = Vardiff(VardiffSettings(30.0, 90.0, 0.2, start_difficulty=300.0, burst_shares=5), now_s=0.0)
    for _ in range(5):
        vardiff.count_share()
    assert vardiff.retarget(4.0)
    assert vardiff.difficulty == 2400.0, "eight times at most in one step"
