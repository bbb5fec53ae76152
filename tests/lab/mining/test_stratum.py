"""Sizes are bytes of a line with its line feed, as measured on real connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowml.lab.mining import bitcoin, ethereum, ethereum_stratum, zcash
from flowml.lab.mining.stratum import Message, Work, encoded
from flowml.lab.scenarios import actors

if TYPE_CHECKING:
    from collections.abc import Callable

_N_DRAWS = 200
_FULL_TREE = Work(difficulty=1000.0, is_new_difficulty=True, is_new_block=False)
_NEW_BLOCK = Work(difficulty=1000.0, is_new_difficulty=False, is_new_block=True)


def _sizes(actor: str, build: Callable[[dict[str, Any], np.random.Generator], list[Message]]) -> list[int]:
    """Sizes over many draws of an actor's parameters, without spaces."""
    sizes: list[int] = []
    for seed in range(_N_DRAWS):
        rng = np.random.default_rng(seed)
        drawn = dict(actors()[actor].draw(rng))
        sizes += [len(encoded([message], with_spaces=False)) for message in build(drawn, rng)]
    return sizes


def _of(method: str, messages: list[Message]) -> list[Message]:
    return [message for message in messages if message["method"] == method]


@pytest.mark.parametrize(
    ("actor", "method", "least", "most"),
    [
        ("bitcoin", "mining.subscribe", 56, 80),
        ("bitcoin", "mining.authorize", 60, 125),
        ("zcash", "mining.subscribe", 80, 107),
        ("zcash", "mining.authorize", 81, 109),
        ("zcash", "mining.extranonce.subscribe", 60, 65),
        ("ethereum", "eth_submitLogin", 92, 174),
        ("ethereum", "eth_getWork", 44, 100),
    ],
)
def test_openings_have_the_measured_sizes(actor: str, method: str, least: int, most: int) -> None:
    opening = {"bitcoin": bitcoin.opening, "zcash": zcash.opening, "ethereum": ethereum.opening}[actor]
    sizes = _sizes(actor, lambda drawn, rng: _of(method, opening(drawn, rng)))
    assert sizes
    assert least <= min(sizes)
    assert max(sizes) <= most


def test_bitcoin_work_has_a_difficulty_of_some_60_bytes_and_a_job_that_grows_with_its_branches() -> None:
    difficulties = _sizes("bitcoin", lambda drawn, rng: bitcoin.work(_FULL_TREE, drawn, rng)[:1])
    assert min(difficulties) >= 52
    assert max(difficulties) <= 67
    jobs = _sizes("bitcoin", lambda drawn, rng: bitcoin.work(_FULL_TREE, drawn, rng)[1:])
    assert max(jobs) - min(jobs) > 700
    assert max(jobs) < 1500


def test_a_bitcoin_job_for_a_new_block_tells_miners_to_drop_the_old() -> None:
    drawn = dict(actors()["bitcoin"].draw(np.random.default_rng(1)))
    (job,) = bitcoin.work(_NEW_BLOCK, drawn, np.random.default_rng(1))
    assert job["params"][-1] is True
    assert len(job["params"]) == 9


def test_a_zcash_share_has_the_measured_2_8_kilobytes() -> None:
    sizes = _sizes("zcash", lambda drawn, rng: [zcash.share(9, "ab12", drawn, rng)])
    assert min(sizes) >= 2800
    assert max(sizes) <= 2900


def test_zcash_work_has_the_measured_sizes() -> None:
    targets = _sizes("zcash", lambda drawn, rng: zcash.work(_FULL_TREE, drawn, rng)[:1])
    jobs = _sizes("zcash", lambda drawn, rng: zcash.work(_FULL_TREE, drawn, rng)[1:])
    assert {116 <= size <= 119 for size in targets} == {True}
    assert {290 <= size <= 312 for size in jobs} == {True}


def test_an_ethereum_job_has_the_measured_243_bytes() -> None:
    sizes = _sizes("ethereum", lambda drawn, rng: [ethereum.answer(ethereum.get_work(drawn, 5), drawn, rng)])
    assert min(sizes) == 243


def test_the_plainest_ethereum_share_has_the_measured_205_bytes() -> None:
    sizes = _sizes("ethereum", lambda drawn, rng: [ethereum.share(9, "0x" + "a" * 64, drawn, rng)])
    assert min(sizes) == 205


@pytest.mark.parametrize("actor", ["bitcoin", "zcash", "ethereum", "ethereum-stratum", "ravencoin"])
def test_a_miner_reads_its_job_and_difficulty_out_of_the_pools_work(actor: str) -> None:
    family = {"bitcoin": bitcoin, "zcash": zcash, "ethereum": ethereum}.get(actor, ethereum_stratum)
    heed = bitcoin.heed if family is ethereum_stratum else family.heed
    rng = np.random.default_rng(3)
    drawn = {**actors()[actor].draw(rng), "poll_s": 0.0}
    heard = [heed(message) for message in family.work(_FULL_TREE, drawn, rng)]
    assert any(job for job, _ in heard)
    difficulties = [difficulty for _, difficulty in heard if difficulty]
    assert difficulties == [pytest.approx(1000.0, rel=0.01)]


def test_spaces_stand_where_cgminer_puts_them() -> None:
    message = {"id": 1, "params": []}
    assert encoded([message], with_spaces=True) == b'{"id": 1, "params": []}\n'
    assert encoded([message], with_spaces=False) == b'{"id":1,"params":[]}\n'
