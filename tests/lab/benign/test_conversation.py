"""Conversations and the applications drawn from them."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowml.lab.benign import (
    application,
    broker,
    camera,
    cluster,
    conference,
    endpoint_agent,
    iot_cloud,
    launcher,
    log_shipper,
    mariadb,
    messenger,
    office,
    opc_ua,
    order_entry,
    overlay,
    payment,
    proxyware,
    push,
    remote_agent,
    remote_screen,
    satellite_corrections,
    signalling,
    smart_home,
    smart_tv,
    status_feed,
    telemetry,
    tracker,
    voice_assistant,
    work_chat,
)
from flowml.lab.benign.conversation import Act, Opening, acts_of, written
from flowml.lab.benign.resemblance import resembles_mining
from flowml.lab.benign.sizes import LARGEST_BYTES, SPREADS, log_uniform, size_of

if TYPE_CHECKING:
    from types import ModuleType

_CONVERSATIONS = (
    application,
    broker,
    camera,
    cluster,
    conference,
    endpoint_agent,
    iot_cloud,
    launcher,
    log_shipper,
    mariadb,
    messenger,
    office,
    opc_ua,
    order_entry,
    overlay,
    payment,
    proxyware,
    push,
    remote_agent,
    remote_screen,
    satellite_corrections,
    signalling,
    smart_home,
    smart_tv,
    status_feed,
    telemetry,
    tracker,
    voice_assistant,
    work_chat,
)
_SHARE = Act(False, 12.0, "random", 185, "digits", answer_bytes=64)
_JOB = Act(True, 60.0, "random", 378)


def test_acts_are_read_as_they_were_written_and_in_one_order() -> None:
    acts = {"report": _SHARE, "beat": Act(True, 30.0, n_bytes=4, waits=True, answer_bytes=4)}
    assert acts_of(written(acts, Opening(2, 99))) == [acts["beat"], acts["report"]]


def test_acts_are_tables_of_their_own_in_a_manifest() -> None:
    drawn = application._draw(np.random.default_rng(1))
    text = ", ".join(f"{name} = {json.dumps(value)}" for name, value in drawn.items())
    table = tomllib.loads(f"parameters = {{ {text} }}")["parameters"]
    assert table["opening"]["rounds"] == drawn["opening.rounds"]
    assert table["act0"]["period_s"] == drawn["act0.period_s"]


@pytest.mark.parametrize("others", [[], [Act(False, 60.0, n_bytes=40, answer_bytes=40)]])
def test_shares_and_jobs_resemble_mining_also_beside_a_heartbeat(others: list[Act]) -> None:
    assert resembles_mining([_SHARE, _JOB, *others])


@pytest.mark.parametrize(
    "acts",
    [
        [_SHARE],
        [_JOB],
        [_SHARE, _JOB, Act(False, 20.0, "random", 600, "heavy")],
        [_SHARE, Act(True, 60.0, "random", 378, "lognormal")],
        [Act(False, 12.0, "steady", 185, answer_bytes=64), _JOB],
    ],
)
def test_less_than_both_or_more_does_not_resemble_mining(acts: list[Act]) -> None:
    assert not resembles_mining(acts)


def test_no_two_applications_are_alike() -> None:
    drawn = [application.draw_acts(np.random.default_rng(seed)) for seed in range(500)]
    assert len({tuple(acts.values()) for acts in drawn}) == len(drawn)


def test_applications_push_ask_and_confirm_in_all_combinations() -> None:
    seen = Counter(
        (act.by_server, bool(act.answer_bytes), act.rhythm)
        for seed in range(300)
        for act in application.draw_acts(np.random.default_rng(seed)).values()
    )
    assert len(seen) == 2 * 2 * 4


@pytest.mark.parametrize("module", _CONVERSATIONS)
def test_no_conversation_resembles_mining_or_waits_for_an_answer_that_never_comes(module: ModuleType) -> None:
    for seed in range(100):
        acts = acts_of(module._draw(np.random.default_rng(seed)))
        assert acts
        assert not resembles_mining(acts)
        assert all(act.answer_bytes for act in acts if act.waits)


@pytest.mark.parametrize("spread", SPREADS)
def test_sizes_stay_near_what_is_usual_and_below_the_largest(spread: str) -> None:
    rng = np.random.default_rng(4)
    sizes = [size_of(1000, spread, rng) for _ in range(500)]
    assert 300 <= np.median(sizes) <= 1800
    assert max(sizes) <= LARGEST_BYTES
    assert (len(set(sizes)) == 1) == (spread == "constant")


def test_orders_of_magnitude_are_equally_likely() -> None:
    rng = np.random.default_rng(5)
    orders = Counter(int(np.log10(log_uniform(rng, 1.0, 1000.0))) for _ in range(3000))
    assert set(orders) == {0, 1, 2}
    assert min(orders.values()) > 850
