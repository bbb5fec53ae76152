from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowml.lab.mining.getwork import _draw, _Miner, _Node


def _drawn(style: str) -> dict[str, Any]:
    for seed in range(100):
        drawn = dict(_draw(np.random.default_rng(seed)))
        if drawn["style"] == style:
            return drawn
    raise AssertionError(style)


def _answer(style: str, method: str | None, params: list[object]) -> dict[str, Any]:
    node = _Node(_drawn(style), np.random.default_rng(1))
    request = {"id": 1, "method": method, "params": params} if method else {}
    return node._answer(request)


def test_getwork_is_answered_with_midstate_data_hash_and_target() -> None:
    work = _answer("getwork", "getwork", [])["result"]
    assert {name: len(digits) for name, digits in work.items()} == {
        "midstate": 64,
        "data": 256,
        "hash1": 128,
        "target": 64,
    }


def test_a_share_of_getwork_is_answered_with_true() -> None:
    assert _answer("getwork", "getwork", ["0" * 256])["result"] is True


def test_a_daemon_tells_its_height_and_gives_a_template() -> None:
    assert _answer("daemon", None, [])["height"] == 2_000_000
    assert len(_answer("daemon", "get_block_template", ["wallet", 8])["result"]["blocktemplate_blob"]) >= 400


@pytest.mark.parametrize(
    ("style", "method"),
    [
        ("ethereum", "eth_submitWork"),
        ("daemon", "submit_block"),
        ("template", "submitblock"),
        ("getwork", "getwork"),
    ],
)
def test_what_was_found_is_sent_with_the_method_of_the_chain(style: str, method: str) -> None:
    miner = _Miner(None, _drawn(style), "node.example", np.random.default_rng(1))  # type: ignore[arg-type]
    assert miner._share()[1] == method


def test_who_mines_alone_sends_the_whole_block() -> None:
    drawn = _drawn("template")
    miner = _Miner(None, drawn, "node.example", np.random.default_rng(1))  # type: ignore[arg-type]
    assert len(miner._share()[2][0]) == drawn["template_digits"]
