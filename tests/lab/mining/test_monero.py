from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from flowml.lab.mining.monero import (
    ACTORS,
    draw_any,
    draw_fee,
    draw_malware,
    draw_nodejs,
    draw_p2pool,
    draw_proxy,
    draw_public,
    draw_worker,
)
from flowml.lab.mining.shares import share_gap_s

_SEEDS = range(300)


def _drawn(draw: Any, name: str) -> list[Any]:
    return [draw(np.random.default_rng(seed))[name] for seed in _SEEDS]


def test_a_proxy_carries_from_two_to_five_hundred_workers() -> None:
    workers = _drawn(draw_proxy, "workers")
    assert min(workers) >= 2
    assert max(workers) <= 500
    assert sum(n > 100 for n in workers) > 40
    assert sum(n < 10 for n in workers) > 40


def test_p2pool_has_new_work_every_ten_seconds() -> None:
    assert draw_p2pool(np.random.default_rng(1))["block_s"] == pytest.approx(9.23, abs=0.01)


def test_nodejs_pool_has_the_timers_of_its_configuration() -> None:
    drawn = draw_nodejs(np.random.default_rng(1))
    assert (drawn["target_s"], drawn["retarget_s"], drawn["variance_ratio"]) == (30.0, 60.0, 0.2)


def test_workers_of_a_proxy_mine_at_a_difficulty_that_stays() -> None:
    assert not any(_drawn(draw_worker, "vardiff"))
    assert min(_drawn(draw_worker, "start_difficulty")) >= 391.0


def test_some_miners_never_meet_their_difficulty() -> None:
    waits_s = [
        drawn["start_difficulty"] / drawn["hashes_per_s"]
        for drawn in (draw_any(np.random.default_rng(seed)) for seed in _SEEDS)
    ]
    assert 1 <= sum(wait_s > 1000.0 for wait_s in waits_s) < 30


def test_shares_at_the_least_difficulty_of_the_public_pool_are_exponential() -> None:
    drawn, rng = draw_public(np.random.default_rng(1)), np.random.default_rng(2)
    mean_s = drawn["least_difficulty"] / drawn["hashes_per_s"]
    gaps_s = [share_gap_s(drawn["hashes_per_s"], drawn["least_difficulty"], rng) for _ in range(3000)]
    assert stats.kstest(gaps_s, stats.expon(scale=mean_s).cdf).pvalue > 0.01


def test_hash_rates_at_the_public_pool_spread_as_measured() -> None:
    # forty to 2,600 hashes a second, median some 600, in the captures that it was fitted to; clients vary too
    rates = _drawn(draw_public, "hashes_per_s")
    assert 450.0 < float(np.median(rates)) < 900.0
    assert min(rates) < 200.0
    assert max(rates) > 2000.0


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: str(actor.name))
def test_all_that_is_drawn_can_stand_in_a_manifest(actor: Any) -> None:
    for value in actor.draw(np.random.default_rng(1)).values():
        assert type(value) in {bool, int, float, str}


def test_a_developer_s_connection_mines_for_a_small_share_of_the_time() -> None:
    shares = [
        drawn["turn_s"] / (drawn["turn_s"] + drawn["rest_s"])
        for drawn in (draw_fee(np.random.default_rng(seed)) for seed in _SEEDS)
    ]
    assert max(shares) <= 0.2
    assert min(shares) > 0.0


def test_malware_rests_while_somebody_works_or_never() -> None:
    rests_s = _drawn(draw_malware, "rest_s")
    assert 0.25 < sum(rest_s == 0.0 for rest_s in rests_s) / len(rests_s) < 0.55
    assert not any(_drawn(draw_public, "rest_s"))
