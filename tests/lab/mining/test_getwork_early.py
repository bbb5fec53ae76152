"""getwork against the bodies that cgminer and cpuminer write and bitcoind answers, without their spaces."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from flowml.lab.mining.getwork_early import ACTORS, Miner, Pool

_RNG = np.random.default_rng(1)


def _drawn(*, is_ethereum: bool, **others: Any) -> dict[str, Any]:
    draws = (dict(ACTORS[0].draw(np.random.default_rng(seed))) for seed in range(100))
    drawn = next(each for each in draws if each["is_ethereum"] is is_ethereum)
    return {**drawn, "counts": False, "id": "", "miner_spaces": False, "rejected_ratio": 0.0, **others}


def test_a_question_for_work_is_that_of_cgminer() -> None:
    body = Miner(_drawn(is_ethereum=False), _RNG).question("getwork", [])
    assert body == b'{"method":"getwork","params":[],"id":0}'


def test_a_share_hands_256_digits_in_with_the_same_method() -> None:
    body = Miner(_drawn(is_ethereum=False), _RNG).share()
    assert len(body) == len('{"method":"getwork","params":["' + "0" * 256 + '"],"id":1}')


def test_poclbm_names_its_questions_json() -> None:
    asked = json.loads(Miner(_drawn(is_ethereum=False, id="json"), _RNG).question("getwork", []))
    assert asked["id"] == "json"


@pytest.mark.parametrize(
    ("leaves_out", "digits"),
    [
        (False, {"midstate": 64, "data": 256, "hash1": 128, "target": 64}),
        (True, {"data": 256, "target": 64}),
    ],
)
def test_work_may_leave_out_what_the_miner_can_reckon(leaves_out: bool, digits: dict[str, int]) -> None:
    pool = Pool(_drawn(is_ethereum=False, leaves_out_midstate=leaves_out), _RNG)
    work = pool.answer({"method": "getwork", "params": [], "id": 0})["result"]
    assert {name: len(text) for name, text in work.items()} == digits


def test_shares_are_judged_and_hash_rates_taken() -> None:
    pool = Pool(_drawn(is_ethereum=False), _RNG)
    assert pool.answer({"method": "getwork", "params": ["0" * 256], "id": 1})["result"] is True
    assert pool.answer({"method": "eth_submitHashrate", "params": [], "id": 1})["result"] is True


def test_ethereum_s_work_has_three_words_of_32_bytes() -> None:
    pool = Pool(_drawn(is_ethereum=True), _RNG)
    work = pool.answer({"method": "eth_getWork", "params": [], "id": 1})["result"]
    assert [len(word) for word in work] == [66, 66, 66]
    share = json.loads(Miner(_drawn(is_ethereum=True), _RNG).share())
    assert [len(word) for word in share["params"]] == [18, 66, 66]


def test_only_bitcoin_s_pools_hold_questions() -> None:
    draws = [ACTORS[0].draw(np.random.default_rng(seed)) for seed in range(200)]
    assert not any(each["long_polls"] and each["is_ethereum"] for each in draws)
    assert sum(bool(each["long_polls"]) for each in draws) > 50
