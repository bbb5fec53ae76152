"""Messages of 2012 to 2016 against the examples of slushpool's description and of cpuminer and cgminer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowml.lab.mining.bitcoin_early import _EARLY, ACTORS, answer, opening, reply, share, work
from flowml.lab.mining.dialect import Heard, Work, encoded

_DRAW = {actor.name: actor.draw for actor in ACTORS}
_SLUSH = {
    "agent": "",
    "user": "slush.miner1",
    "password": "password",
    "resumes": False,
    "rolls_version": False,
    "extranonce_subscribe": False,
    "repeats_number": True,
    "asks_version": False,
    "lists_both": True,
    "subscription_digits": 32,
    "extranonce1_digits": 8,
    "extranonce2_bytes": 4,
    "job_id_digits": 2,
    "coinbase1_digits": 116,
    "coinbase2_digits": 100,
    "merkle_branches": 0,
    "transactions": 3,
}
_RNG = np.random.default_rng(1)


def _size(message: dict[str, Any]) -> int:
    return len(encoded([message], with_spaces=True))


def _draws(name: str) -> list[dict[str, Any]]:
    return [dict(_DRAW[name](np.random.default_rng(seed))) for seed in range(60)]


def test_a_miner_subscribes_and_logs_in_as_in_the_description() -> None:
    assert encoded(opening(_SLUSH, _RNG), with_spaces=True).decode() == (
        '{"id": 1, "method": "mining.subscribe", "params": []}\n'
        '{"id": 2, "method": "mining.authorize", "params": ["slush.miner1", "password"]}\n'
    )


def test_a_miner_that_comes_back_names_its_session_behind_its_agent() -> None:
    drawn = {**_SLUSH, "agent": "cgminer/3.1.1", "resumes": True}
    agent, session = opening(drawn, _RNG)[0]["params"]
    assert agent == "cgminer/3.1.1"
    assert len(session) == 32


def test_a_share_has_the_size_and_the_number_of_the_description() -> None:
    example = '{"params": ["slush.miner1", "bf", "00000001", "504e86ed", "b2957c02"], "id": 4, '
    message = share(77, Heard(job="bf"), _SLUSH, _RNG)
    assert message["id"] == 4
    assert _size(message) == len(example + '"method": "mining.submit"}\n')


def test_a_subscription_is_answered_in_the_size_of_the_description() -> None:
    example = '{"id": 1, "result": [[["mining.set_difficulty", "' + "0" * 32 + '"], ["mining.notify", "'
    example += "0" * 32 + '"]], "08000002", 4], "error": null}\n'
    todo = Work(1.0, True, True)
    assert _size(answer(opening(_SLUSH, _RNG)[0], todo, _SLUSH, _RNG)) == len(example)


def test_a_job_has_the_size_of_the_description() -> None:
    example = '{"id": null, "method": "mining.notify", "params": ["bf", "' + "4" * 64 + '", "'
    example += "0" * 116 + '", "' + "0" * 100 + '", [], "00000002", "1c2ac4af", "504e86b9", false]}\n'
    (job,) = work(Work(1.0, False, False), _SLUSH, _RNG)
    assert _size(job) == len(example)


def test_transactions_of_a_job_are_told_refused_or_none() -> None:
    asked = {"id": "txlist-bf", "method": "mining.get_transactions", "params": ["bf"]}
    todo = Work(1.0, False, False)
    assert len(answer(asked, todo, _SLUSH, _RNG)["result"]) == 3
    assert answer(asked, todo, {**_SLUSH, "transactions": 0}, _RNG)["result"] == []
    assert answer(asked, todo, {**_SLUSH, "transactions": -1}, _RNG)["error"][0] == 20


def test_a_miner_that_is_asked_who_it_is_says_so() -> None:
    asked = work(Work(1.0, True, True), {**_SLUSH, "asks_version": True}, _RNG)[-1]
    assert reply(asked, {**_SLUSH, "agent": "bfgminer/3.10.0"}) == {
        "id": asked["id"],
        "result": "bfgminer/3.10.0",
        "error": None,
    }
    assert reply({"id": 3, "result": True, "error": None}, _SLUSH) is None


def test_nothing_of_that_time_rolls_versions() -> None:
    methods = {
        request["method"]
        for name in ("bitcoin-early", "scrypt")
        for drawn in _draws(name)
        for request in opening(drawn, _RNG)
    }
    assert methods == {"mining.subscribe", "mining.authorize", "mining.extranonce.subscribe"}


def test_jobs_of_p2pool_are_long_and_come_every_half_minute() -> None:
    drawn = next(each for each in _draws("bitcoin-early") if each["kind"] == "p2pool")
    assert drawn["block_s"] == pytest.approx(28.6, abs=0.1)
    assert _size(work(Work(1.0, False, False), drawn, _RNG)[0]) > 1000


def test_pools_that_switch_coins_drop_old_work_every_few_seconds_and_send_miners_away() -> None:
    switching = [each for each in _draws("scrypt") if each["kind"] == "switching"]
    assert max(each["block_s"] for each in switching) <= 40.0
    assert any(each["notice_s"] for each in switching)
    assert _EARLY.notice is not None


@pytest.mark.parametrize("name", sorted(_DRAW))
def test_all_that_is_drawn_can_stand_in_a_manifest(name: str) -> None:
    assert {type(value) for drawn in _draws(name) for value in drawn.values()} <= {bool, int, float, str}
