from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from flowml.lab.mining.conduct import draw_pool
from flowml.lab.mining.manners import with_manners

_SEEDS = range(600)


def _drawn(manner: str = "") -> list[dict[str, Any]]:
    rngs = [np.random.default_rng(seed) for seed in _SEEDS]
    drawn = [with_manners(draw_pool(rng, 120.0, [60.0], [30.0]), rng) for rng in rngs]
    return [each for each in drawn if manner in {"", each["manner"]}]


def test_half_of_the_pools_have_miners_that_somebody_looks_after() -> None:
    manners = Counter(each["manner"] for each in _drawn())
    assert 0.4 < manners["tended"] / len(_SEEDS) < 0.6
    assert set(manners) == {"tended", "slow", "restarted", "refused", "deserted"}


def test_slow_miners_find_a_share_in_half_a_minute_to_twenty_and_nobody_helps_them() -> None:
    for each in _drawn("slow"):
        assert 29.9 < each["start_difficulty"] / each["hashes_per_s"] < 1200.1
        assert not each["vardiff"]


def test_restarted_miners_count_from_one_again() -> None:
    assert {each["first_number"] for each in _drawn("restarted")} == {0}
    assert max(each["session_s"] for each in _drawn("restarted")) == 300.0


@pytest.mark.parametrize(("manner", "name"), [("refused", "refused_ratio"), ("deserted", "up_s")])
def test_only_the_manner_brings_what_it_is_named_for(manner: str, name: str) -> None:
    assert all(each[name] > 0.0 for each in _drawn(manner))
    assert not any(each["refused_ratio"] for each in _drawn("tended"))
