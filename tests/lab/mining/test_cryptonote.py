"""Sizes are bytes of a line with its line feed, as measured on XMRig's connections to real pools."""

from __future__ import annotations

import json

import numpy as np
import pytest

from flowml.lab.mining.cryptonote import answer, difficulty_of, job, login, submit, target_of

_POOL = {
    "blob_digits": 152,
    "height": 2086267,
    "job_id_digits": 10,
    "job_fields": "full",
    "jsonrpc": True,
    "submit_algo": False,
}
_RNG = np.random.default_rng(1)


def _n_bytes(message: object) -> int:
    return len(json.dumps(message, separators=(",", ":"))) + 1


def test_a_job_notification_has_378_bytes() -> None:
    work = job(_POOL, 30_000.0, _RNG)
    assert _n_bytes({"jsonrpc": "2.0", "method": "job", "params": work}) == 378


def test_a_login_reply_has_418_bytes() -> None:
    welcome = {"id": "25594", "job": job(_POOL, 30_000.0, _RNG), "status": "OK"}
    assert _n_bytes(answer(1, welcome)) == 418


@pytest.mark.parametrize(("number", "n_bytes"), [(2, 184), (10, 185), (100, 186), (1000, 187)])
def test_a_submit_grows_with_its_number_alone(number: int, n_bytes: int) -> None:
    assert _n_bytes(submit(number, "25594", "JORa7kakLu", _POOL, _RNG)) == n_bytes


@pytest.mark.parametrize(("number", "n_bytes"), [(2, 63), (10, 64), (100, 65), (1000, 66)])
def test_a_submit_is_answered_with_63_to_66_bytes(number: int, n_bytes: int) -> None:
    assert _n_bytes(answer(number, {"status": "OK"})) == n_bytes


def test_most_logins_with_a_full_list_of_algorithms_have_the_measured_sizes() -> None:
    logins = [login(_POOL, np.random.default_rng(seed)) for seed in range(400)]
    sizes = [_n_bytes(message) for message in logins if len(message["params"].get("algo", ())) == 22]  # type: ignore[attr-defined]
    within = sum(440 <= size <= 580 for size in sizes)
    assert len(sizes) > 100
    assert within > 0.9 * len(sizes)


def test_a_pool_of_the_plain_kind_leaves_out_what_it_does_not_know() -> None:
    assert set(job({**_POOL, "job_fields": "bare"}, 30_000.0, _RNG)) == {"blob", "job_id", "target"}


@pytest.mark.parametrize("difficulty", [100.0, 5_000.0, 480_045.0, 10_000_000.0])
def test_a_difficulty_survives_its_compact_target(difficulty: float) -> None:
    assert len(target_of(difficulty)) == 8
    assert difficulty_of(target_of(difficulty)) == pytest.approx(difficulty, rel=0.01)
