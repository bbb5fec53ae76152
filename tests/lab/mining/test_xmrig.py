"""Sizes are bytes of a line with its line feed, as measured on XMRig's connections to real pools."""

from __future__ import annotations

import json

import numpy as np

from flowml.lab.mining.xmrig import ALGORITHMS, login

_MEASURED = {"any_miner": False, "jsonrpc": True, "workers": 1}


def _n_bytes(message: object) -> int:
    return len(json.dumps(message, separators=(",", ":"))) + 1


def test_logins_have_the_measured_sizes() -> None:
    sizes = [_n_bytes(login(_MEASURED, np.random.default_rng(seed))) for seed in range(200)]
    assert set(sizes) <= {489, 499, 527, 544, 546, 550}
    assert len(set(sizes)) > 3


def test_other_miners_log_in_with_shorter_and_longer_words() -> None:
    every = {**_MEASURED, "any_miner": True}
    sizes = [_n_bytes(login(every, np.random.default_rng(seed))) for seed in range(400)]
    assert min(sizes) < 260
    assert max(sizes) > 570


def test_a_proxy_says_that_it_is_one() -> None:
    said = login({**_MEASURED, "workers": 40}, np.random.default_rng(1))
    assert said["params"]["agent"].startswith("xmrig-proxy/")


def test_newer_miners_say_that_they_can_mine_more() -> None:
    assert len(ALGORITHMS["old"]) == 22
    assert len(ALGORITHMS["new"]) == 26
    assert len(ALGORITHMS["newest"]) > len(ALGORITHMS["new"])
