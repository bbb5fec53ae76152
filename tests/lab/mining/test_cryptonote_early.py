"""Messages of cpuminer-multi, xmr-stak and XMRig 2 against the formats in their sources."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowml.lab.mining.cryptonote import job
from flowml.lab.mining.cryptonote_early import ACTORS, draw_botnet, draw_early, login, share
from flowml.lab.mining.dialect import Heard, encoded

_CPUMINER = {
    "persona": "cpuminer",
    "user": "42",
    "password": "x",
    "rig": "",
    "tells_agent": False,
    "repeats_number": True,
    "reports_hashes": False,
    "jsonrpc": False,
}
_KNOWN = Heard(job="000000000000000", name="0" * 36, difficulty=5000.0)
_RNG = np.random.default_rng(1)


def _text(messages: list[dict[str, Any]]) -> str:
    return encoded(messages, with_spaces=True).decode()


def test_cpuminer_logs_in_with_the_message_of_its_source() -> None:
    expected = '{"method": "login", "params": {"login": "42", "pass": "x"}, "id": 1}\n'
    assert _text(login(_CPUMINER, _RNG)) == expected


def test_cpuminer_sends_every_share_with_the_number_1() -> None:
    expected = '{"method": "submit", "params": {"id": "' + "0" * 36 + '", "job_id": "000000000000000", '
    expected += '"nonce": "00000000", "result": "' + "0" * 64 + '"}, "id": 1}\n'
    assert {len(_text([share(n, _KNOWN, _CPUMINER, _RNG)])) for n in (2, 50, 7000)} == {len(expected)}


def test_xmr_stak_tells_what_it_hashed_where_the_pool_wants_it() -> None:
    told = share(2, _KNOWN, {**_CPUMINER, "reports_hashes": True}, _RNG)["params"]
    assert {"backend", "hashcount", "hashcount_total", "algo"} < set(told)


def test_xmrig_2_counts_and_names_no_algorithm() -> None:
    drawn = {**_CPUMINER, "persona": "xmrig-2", "repeats_number": False, "jsonrpc": True, "tells_agent": True}
    message = login(drawn, _RNG)[0]
    assert list(message) == ["id", "jsonrpc", "method", "params"]
    assert list(message["params"]) == ["login", "pass", "agent"]
    assert share(9, _KNOWN, drawn, _RNG)["id"] == 9


def test_jobs_before_randomx_have_a_blob_a_name_and_a_target() -> None:
    drawn = draw_early(np.random.default_rng(1))
    assert list(job(drawn, 5000.0, _RNG)) == ["blob", "job_id", "target"]


def test_botnets_mine_coins_whose_blobs_are_long_too() -> None:
    digits = [draw_botnet(np.random.default_rng(seed))["blob_digits"] for seed in range(100)]
    assert min(digits) == 152
    assert max(digits) >= 340


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: str(actor.name))
def test_all_that_is_drawn_can_stand_in_a_manifest(actor: Any) -> None:
    for seed in range(100):
        drawn = actor.draw(np.random.default_rng(seed))
        assert {type(value) for value in drawn.values()} <= {bool, int, float, str}
