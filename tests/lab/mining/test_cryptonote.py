"""Sizes are bytes of a line with its line feed, as measured on XMRig's connections to real pools."""

from __future__ import annotations

import json

import numpy as np
import pytest

from flowml.lab.mining.cryptonote import (
    answer,
    difficulty_of,
    heed,
    job,
    keep_alive,
    share,
    target_of,
    verdict,
    work,
)
from flowml.lab.mining.dialect import Heard, Work

_POOL = {
    "blob_digits": 152,
    "height": 2086267,
    "job_id_digits": 10,
    "job_fields": "full",
    "next_seed_digits": 0,
    "target_digits": 8,
    "client_id": "number",
    "jsonrpc": True,
    "submit_algo": False,
    "nicehash": False,
    "keepalive": False,
    "says_no_error": True,
    "any_miner": False,
    "workers": 1,
}
_P2POOL = {
    **_POOL,
    "job_fields": "no_next",
    "job_id_digits": 1,
    "client_id": "short",
    "submit_algo": True,
    "says_no_error": False,
}
_TODO = Work(30_000.0, True, False)
_RNG = np.random.default_rng(1)
_LOGIN = {"id": 1, "method": "login"}


def _n_bytes(message: object) -> int:
    return len(json.dumps(message, separators=(",", ":"))) + 1


def test_a_job_notification_has_378_bytes() -> None:
    assert [_n_bytes(message) for message in work(_TODO, _POOL, _RNG)] == [378]


def test_a_job_that_names_the_next_seed_has_442_bytes() -> None:
    assert [_n_bytes(message) for message in work(_TODO, {**_POOL, "next_seed_digits": 64}, _RNG)] == [442]


def test_a_job_from_before_randomx_has_279_bytes() -> None:
    assert [_n_bytes(message) for message in work(_TODO, {**_POOL, "job_fields": "old"}, _RNG)] == [279]


def test_a_login_reply_has_417_or_418_bytes() -> None:
    assert {_n_bytes(answer(_LOGIN, _TODO, _POOL, _RNG)) for _ in range(50)} == {417, 418}


@pytest.mark.parametrize(("number", "n_bytes"), [(2, 184), (10, 185), (100, 186), (1000, 187)])
def test_a_share_grows_with_its_number_alone(number: int, n_bytes: int) -> None:
    assert _n_bytes(share(number, Heard(job="JORa7kakLu", name="25594"), _POOL, _RNG)) == n_bytes


@pytest.mark.parametrize(("number", "n_bytes"), [(2, 63), (10, 64), (100, 65), (1000, 66)])
def test_a_share_is_answered_with_63_to_66_bytes(number: int, n_bytes: int) -> None:
    assert _n_bytes(verdict({"id": number}, True, _POOL, _RNG)) == n_bytes


def test_a_rejected_share_is_told_why() -> None:
    answered = verdict({"id": 9}, False, _POOL, _RNG)
    assert "result" not in answered
    assert answered["error"]["code"] == -1


def test_a_pool_of_the_plain_kind_leaves_out_what_it_does_not_know() -> None:
    assert set(job({**_POOL, "job_fields": "bare"}, 30_000.0, _RNG)) == {"blob", "job_id", "target"}


def test_a_job_of_p2pool_has_the_size_of_its_source() -> None:
    # stratum_server.cpp: blob, job_id, target, algo, height, seed_hash in that order, and nothing besides
    expected = '{"jsonrpc":"2.0","method":"job","params":{"blob":"' + "0" * 152 + '","job_id":"1","target":"'
    expected += "0" * 8 + '","algo":"rx/0","height":2086267,"seed_hash":"' + "0" * 64 + '"}}'
    assert [_n_bytes(message) for message in work(_TODO, _P2POOL, _RNG)] == [len(expected) + 1]


def test_p2pool_answers_a_login_with_the_size_of_its_source() -> None:
    expected = '{"id":1,"jsonrpc":"2.0","result":{"id":"00000000","job":{"blob":"' + "0" * 152
    expected += '","job_id":"1","target":"' + "0" * 8 + '","algo":"rx/0","height":2086267,"seed_hash":"'
    expected += "0" * 64 + '"},"extensions":["algo"],"status":"OK"}}'
    assert _n_bytes(answer(_LOGIN, _TODO, _P2POOL, _RNG)) == len(expected) + 1


def test_a_miner_learns_name_job_and_difficulty_from_the_answer_to_its_login() -> None:
    welcome = answer(_LOGIN, _TODO, {**_POOL, "keepalive": True}, _RNG)
    heard = heed(welcome)
    assert heard.name == welcome["result"]["id"]
    assert heard.job == welcome["result"]["job"]["job_id"]
    assert heard.difficulty == pytest.approx(30_000.0, rel=0.01)
    assert heard.keeps_alive


def test_signs_of_life_are_given_only_where_the_pool_wants_them() -> None:
    assert not heed(answer(_LOGIN, _TODO, _POOL, _RNG)).keeps_alive
    ping = keep_alive(7, Heard(name="25594"))
    assert ping == {"id": 7, "jsonrpc": "2.0", "method": "keepalived", "params": {"id": "25594"}}
    assert answer(ping, _TODO, _POOL, _RNG)["result"] == {"status": "KEEPALIVED"}


@pytest.mark.parametrize("n_digits", [8, 16])
@pytest.mark.parametrize("difficulty", [100.0, 5_000.0, 480_045.0, 10_000_000.0])
def test_a_difficulty_survives_its_compact_target(difficulty: float, n_digits: int) -> None:
    assert len(target_of(difficulty, n_digits)) == n_digits
    assert difficulty_of(target_of(difficulty, n_digits)) == pytest.approx(difficulty, rel=0.01)
