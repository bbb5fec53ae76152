"""Messages against alephium/mining-pool lib/stratum.js and what a header holds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from flowml.lab.mining import alephium
from flowml.lab.mining.dialect import Heard, Work

_RNG = np.random.default_rng(1)
_DRAWN: dict[str, Any] = {
    **alephium.ACTORS[0].draw(np.random.default_rng(2)),
    "sends_all": True,
    "transactions": 0.0,
}
_TODO = Work(64.0, True, False)


def test_work_is_a_difficulty_and_a_job_for_each_of_sixteen_chains() -> None:
    difficulty, jobs = alephium.work(_TODO, _DRAWN, _RNG)
    assert difficulty == {"id": None, "method": "mining.set_difficulty", "params": [64.0]}
    chains = [(job["fromGroup"], job["toGroup"]) for job in jobs["params"]]
    assert chains == [(one, other) for one in range(4) for other in range(4)]


def test_a_header_has_302_bytes_without_its_nonce() -> None:
    # version 1, number of dependencies 1 and seven of 32, state and transactions of 32 each, time 8, target 4
    assert alephium._HEADER_DIGITS == 2 * (1 + 1 + 7 * 32 + 32 + 32 + 8 + 4)
    (_, jobs) = alephium.work(_TODO, _DRAWN, _RNG)
    assert {len(job["headerBlob"]) for job in jobs["params"]} == {604}
    assert 10_000 < len(json.dumps(jobs)) < 22_000


def test_a_pool_may_send_the_chain_that_moved_alone() -> None:
    (job,) = alephium.work(Work(64.0, False, True), {**_DRAWN, "sends_all": False}, _RNG)
    assert len(job["params"]) == 1


def test_a_share_carries_a_nonce_of_24_bytes_and_is_judged_by_name() -> None:
    share = alephium.share(9, Heard(job="4711"), _DRAWN, _RNG)
    assert share["params"]["jobId"] == "4711"
    assert len(share["params"]["nonce"]) == 48
    judged = alephium.verdict(share, True, _DRAWN, _RNG)
    assert judged == {"id": 9, "method": "mining.submit_result", "result": True, "error": None}


def test_a_miner_learns_job_and_difficulty() -> None:
    heard = [alephium.heed(message) for message in alephium.work(_TODO, _DRAWN, _RNG)]
    assert [bool(news.job) for news in heard] == [False, True]
    assert heard[0].difficulty == 64.0
