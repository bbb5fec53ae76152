"""Sizes are bytes of a line with its line feed, as measured on real connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowml.lab.mining import (
    bitcoin,
    dialect,
    ethereum,
    ethereum_stratum,
    ethereum_stratum_2,
    kaspa,
    zcash,
)
from flowml.lab.mining.dialect import Heard, Message, Work, encoded

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTORS = {
    actor.name: actor
    for family in (bitcoin, zcash, ethereum, ethereum_stratum, ethereum_stratum_2, kaspa)
    for actor in family.ACTORS
}
_N_DRAWS = 200
_FULL_TREE = Work(difficulty=1000.0, is_new_difficulty=True, is_new_block=False)
_NEW_BLOCK = Work(difficulty=1000.0, is_new_difficulty=False, is_new_block=True)


def _sizes(actor: str, build: Callable[[dict[str, Any], np.random.Generator], list[Message]]) -> list[int]:
    """Sizes over many draws of an actor's parameters, without spaces."""
    sizes: list[int] = []
    for seed in range(_N_DRAWS):
        rng = np.random.default_rng(seed)
        drawn = dict(_ACTORS[actor].draw(rng))
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
    assert max(jobs) < 1600


def test_a_bitcoin_job_for_a_new_block_tells_miners_to_drop_the_old() -> None:
    drawn = dict(_ACTORS["bitcoin"].draw(np.random.default_rng(1)))
    (job,) = bitcoin.work(_NEW_BLOCK, drawn, np.random.default_rng(1))
    assert job["params"][-1] is True
    assert len(job["params"]) == 9


def test_a_zcash_share_has_the_measured_2_8_kilobytes() -> None:
    sizes = _sizes("zcash", lambda drawn, rng: [zcash.share(9, Heard(job="ab12"), drawn, rng)])
    assert min(sizes) >= 2800
    assert max(sizes) <= 2900


def test_shares_of_the_smaller_equihashes_carry_52_100_or_400_bytes_behind_their_length() -> None:
    sizes = _sizes("equihash-small", lambda drawn, rng: [zcash.share(9, Heard(job="ab12"), drawn, rng)])
    without = _sizes(
        "equihash-small",
        lambda drawn, rng: [zcash.share(9, Heard(job="ab12"), {**drawn, "solution_digits": 0}, rng)],
    )
    solutions = {size - bare for size, bare in zip(sizes, without, strict=True)}
    assert solutions == {2 * (1 + 52), 2 * (1 + 100), 2 * (3 + 400)}


def test_a_nicehash_share_and_job_have_the_sizes_of_the_specification_s_example() -> None:
    drawn = {
        **_ACTORS["ethereum-stratum"].draw(np.random.default_rng(1)),
        "user": "test",
        "job_id_digits": 8,
        "extranonce_digits": 6,
    }
    rng = np.random.default_rng(1)
    share = ethereum_stratum.share(244, Heard(job="bf0488aa"), drawn, rng)
    assert len(_text(share)) == len(
        '{"id":244,"method":"mining.submit","params":["test","bf0488aa","6a909d9bbc"]}\n'
    )
    (job,) = ethereum_stratum.work(_NEW_BLOCK, drawn, rng)
    example = '{"id":null,"method":"mining.notify","params":["bf0488aa","' + "0" * 64 + '","'
    assert len(_text(job)) == len(example + "0" * 64 + '",true]}\n')


def test_a_ravencoin_share_carries_nonce_header_and_mix() -> None:
    drawn = dict(_ACTORS["ravencoin"].draw(np.random.default_rng(1)))
    share = ethereum_stratum.share(9, Heard(job="0a0b"), drawn, np.random.default_rng(1))
    assert [len(text) for text in share["params"][2:]] == [18, 66, 66]


def test_zcash_work_has_the_measured_sizes() -> None:
    targets = _sizes("zcash", lambda drawn, rng: zcash.work(_FULL_TREE, drawn, rng)[:1])
    jobs = _sizes("zcash", lambda drawn, rng: zcash.work(_FULL_TREE, drawn, rng)[1:])
    assert {116 <= size <= 119 for size in targets} == {True}
    assert {290 <= size <= 312 for size in jobs} == {True}


def test_an_ethereum_job_has_the_measured_243_bytes() -> None:
    sizes = _sizes(
        "ethereum", lambda drawn, rng: [ethereum.answer(ethereum.get_work(drawn, 5), _FULL_TREE, drawn, rng)]
    )
    assert min(sizes) == 243


def test_the_plainest_ethereum_share_has_the_measured_205_bytes() -> None:
    sizes = _sizes("ethereum", lambda drawn, rng: [ethereum.share(9, Heard(job="0x" + "a" * 64), drawn, rng)])
    assert min(sizes) == 205


@pytest.mark.parametrize("actor", ["bitcoin", "zcash", "ethereum", "ethereum-stratum", "ravencoin"])
def test_a_miner_reads_its_job_and_difficulty_out_of_the_pools_work(actor: str) -> None:
    family = {"bitcoin": bitcoin, "zcash": zcash, "ethereum": ethereum}.get(actor, ethereum_stratum)
    heed = {zcash: zcash.heed, ethereum: ethereum.heed}.get(family, dialect.heed)
    rng = np.random.default_rng(3)
    drawn = {**_ACTORS[actor].draw(rng), "poll_s": 0.0}
    heard = [heed(message) for message in family.work(_FULL_TREE, drawn, rng)]
    assert any(news.job for news in heard)
    difficulties = [news.difficulty for news in heard if news.difficulty]
    assert difficulties == [pytest.approx(1000.0, rel=0.01)]


def test_spaces_stand_where_cgminer_puts_them() -> None:
    message = {"id": 1, "params": []}
    assert encoded([message], with_spaces=True) == b'{"id": 1, "params": []}\n'
    assert encoded([message], with_spaces=False) == b'{"id":1,"params":[]}\n'


def _text(message: Message) -> str:
    return encoded([message], with_spaces=False).decode()


def test_messages_of_ethereum_stratum_2_have_the_sizes_of_its_specification() -> None:
    # lines of the README's examples without their spaces, with the lab's names instead of its
    drawn = {**_ACTORS["ethereum-stratum-2"].draw(np.random.default_rng(1)), "hashrate_s": 60.0}
    rng = np.random.default_rng(1)
    known = Heard(job="bf0488aa", name="w-123")
    share = ethereum_stratum_2.share(31, known, drawn, rng)
    assert len(_text(share)) == len(
        '{"id":31,"method":"mining.submit","params":["bf0488aa","68765fccd712","w-123"]}\n'
    )
    assert _text(ethereum_stratum_2.verdict({"id": 31}, True, drawn, rng)) == '{"id":31}\n'
    assert _text(ethereum_stratum_2.keep_alive(50, known)) == '{"id":50,"method":"mining.noop"}\n'
    (_, job) = ethereum_stratum_2.work(_FULL_TREE, {**drawn, "height": 0x6526D5}, rng)
    notification = '{"method":"mining.notify","params":["bf0488aa","6526d5","' + "0" * 64 + '","0"]}\n'
    assert len(_text(job)) == len(notification)


def test_a_miner_of_ethereum_stratum_2_learns_target_job_token_and_that_it_must_show_life() -> None:
    drawn = _ACTORS["ethereum-stratum-2"].draw(np.random.default_rng(1))
    rng = np.random.default_rng(1)
    known = Heard()
    for request in ethereum_stratum_2.opening(drawn, rng):
        known = known.and_then(
            ethereum_stratum_2.heed(ethereum_stratum_2.answer(request, _FULL_TREE, drawn, rng))
        )
    for message in ethereum_stratum_2.work(_FULL_TREE, drawn, rng):
        known = known.and_then(ethereum_stratum_2.heed(message))
    assert known.keeps_alive
    assert known.name.startswith("w-")
    assert len(known.job) == 8
    assert known.difficulty == pytest.approx(1000.0, rel=0.01)


def test_a_kaspa_job_is_four_numbers_and_a_time_or_eighty_digits() -> None:
    drawn = dict(_ACTORS["kaspa"].draw(np.random.default_rng(1)))
    for is_long, n_params in ((False, 3), (True, 2)):
        (job,) = kaspa.work(_NEW_BLOCK, {**drawn, "has_long_jobs": is_long}, np.random.default_rng(1))
        assert len(job["params"]) == n_params
        assert 120 <= len(_text(job)) <= 190


def test_a_kaspa_share_names_its_job_and_a_nonce_of_64_bits() -> None:
    drawn = dict(_ACTORS["kaspa"].draw(np.random.default_rng(1)))
    share = kaspa.share(9, Heard(job="42"), drawn, np.random.default_rng(1))
    assert share["params"][1] == "42"
    assert len(share["params"][2]) == 18


@pytest.mark.parametrize(("kind", "most_s"), [("bitcoin-rental", 6.0), ("bitcoin-lottery", 60.0)])
def test_rentals_send_shares_faster_than_lottery_devices(kind: str, most_s: float) -> None:
    targets_s = [_ACTORS[kind].draw(np.random.default_rng(seed))["target_s"] for seed in range(100)]
    assert max(float(target_s) for target_s in targets_s) == most_s


def test_a_notice_is_a_word_to_the_owner_or_sends_the_miner_away() -> None:
    heard = {dialect.heed(dialect.notice(np.random.default_rng(seed))).must_leave for seed in range(20)}
    assert heard == {False, True}


def test_claymore_logs_in_and_asks_with_numbers_of_its_own() -> None:
    drawn = {
        **_ACTORS["ethereum-early"].draw(np.random.default_rng(1)),
        "user": "0x42",
        "worker": "eth1.0",
        "sends_worker": True,
        "sends_version": True,
        "sends_password": True,
        "repeats_number": True,
    }
    assert encoded(ethereum.opening(drawn, np.random.default_rng(1)), with_spaces=True).decode() == (
        '{"worker": "eth1.0", "jsonrpc": "2.0", "params": ["0x42", "x"], "id": 2, '
        '"method": "eth_submitLogin"}\n'
        '{"worker": "eth1.0", "jsonrpc": "2.0", "params": [], "id": 3, "method": "eth_getWork"}\n'
    )
    share = ethereum.share(99, Heard(job="0x1"), drawn, np.random.default_rng(1))
    assert share["id"] == 4
    assert ethereum.hash_rate(drawn, 99, np.random.default_rng(1))["id"] == 6


def test_a_pool_may_push_to_miners_that_poll() -> None:
    drawn = {**_ACTORS["ethereum-early"].draw(np.random.default_rng(1)), "poll_s": 10.0}
    rng = np.random.default_rng(1)
    assert len(ethereum.work(_NEW_BLOCK, {**drawn, "pushes_too": True}, rng)) == 1
    assert ethereum.work(_NEW_BLOCK, {**drawn, "pushes_too": False}, rng) == []


@pytest.mark.parametrize(
    ("order", "params"),
    [
        ("usual", ["AGENT", None, "pool.example", "3333"]),
        ("specified", ["pool.example", 3333, "AGENT", None]),
        ("bare", ["AGENT"]),
    ],
)
def test_a_zcash_subscription_has_the_order_of_zip_301_or_of_the_miners(
    order: str, params: list[object]
) -> None:
    drawn = {**_ACTORS["zcash-early"].draw(np.random.default_rng(1)), "order": order}
    drawn["pool_name"] = "pool.example"
    (subscription, *_) = zcash.opening(drawn, np.random.default_rng(1))
    agents = {agent for each in zcash._AGENTS.values() for agent in each}
    assert ["AGENT" if param in agents else param for param in subscription["params"]] == params


def test_zcash_miners_of_2016_subscribe_again_so_that_the_connection_stays() -> None:
    ((period_s, build),) = zcash.timers({"resubscribe_s": 60.0})
    assert period_s == 60.0
    assert _text(build(9, np.random.default_rng(1))) == (
        '{"id":9,"method":"mining.extranonce.subscribe","params":[]}\n'
    )


def test_ethminer_tells_its_hash_rate_to_nicehash_s_pools_too() -> None:
    draws = [_ACTORS["ethereum-stratum-early"].draw(np.random.default_rng(seed)) for seed in range(40)]
    telling = next(drawn for drawn in draws if drawn["hashrate_s"])
    ((_, build),) = ethereum_stratum.timers(telling)
    assert build(9, np.random.default_rng(1))["method"] == "eth_submitHashrate"
