from dataclasses import astuple, replace

import numpy as np
import pytest

from flowml.detections.policy import Conclusions, Policy
from flowml.detections.sentence import Sentence
from flowml.detections.verdict import Label
from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.key import FlowKey
from flowml.schema import LAST_SEEN_MS
from flowml.service.scoring import STEP_BACK_MS, Metered, Scorer, conclude
from tests.builders import Ends, Packet, miner, slices
from tests.traffic import by_port


def run(*metered: Metered) -> list[Conclusions]:
    policy = Policy("here", lambda observations: [(Sentence("why"),)] * len(observations))
    return list(conclude(metered, ConnectionTable(ConnectionSettings()), by_port, policy))


def test_a_miner_is_told_before_its_end_and_once() -> None:
    records = slices(miner(5), range(0, 200, 5))
    found = run(*(Metered(records.take(np.array([row]))) for row in range(len(records))))
    alerts = [number for number, part in enumerate(found) for _ in part.alerts]
    assert alerts == [0]
    assert found[0].ended == []
    assert [verdict.label for verdict in found[-1].ended] == [Label.MINING]


def test_what_is_still_open_at_the_end_is_concluded() -> None:
    other = slices(miner(1), [3], Ends(server_port=443))
    found = run(Metered(other))
    assert [verdict.label for part in found for verdict in part.ended] == [Label.BENIGN]


def test_the_clock_brings_a_verdict_about_a_connection_that_fell_silent() -> None:
    start_ms = 1_700_000_000_000
    records = slices([Packet(start_ms, True, 100, "AP"), Packet(start_ms + 15_000, False, 50, "AP")], [])
    silent = Metered(FlowBatch.empty(), start_ms + 60_000)
    table = ConnectionTable(ConnectionSettings())
    policy = Policy("here", lambda observations: [(Sentence("why"),)] * len(observations))
    parts = conclude(iter([Metered(records), silent]), table, by_port, policy)
    assert next(parts).alerts  # by the clock, at 30 s; the connection is still open
    assert len(table) == 1


def test_nothing_gives_nothing() -> None:
    assert run() == []
    assert run(Metered(FlowBatch.empty())) == []


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_how_records_are_batched_changes_no_verdict(size: int) -> None:
    records = slices(miner(5), range(0, 200, 5))
    parts = [np.arange(at, min(at + size, len(records))) for at in range(0, len(records), size)]
    found = run(*(Metered(records.take(rows)) for rows in parts))
    whole = run(Metered(records))
    assert [part.alerts for part in found if part.alerts] == [part.alerts for part in whole if part.alerts]
    assert found[-1].ended == whole[-1].ended


def one_scorer() -> Scorer:
    policy = Policy("here", lambda observations: [(Sentence("why"),)] * len(observations))
    return Scorer(ConnectionTable(ConnectionSettings()), by_port, policy)


def test_a_clock_that_was_set_back_ends_what_is_open_and_judges_what_comes() -> None:
    scorer, hour_ms = one_scorer(), 3_600_000
    before = slices(miner(5), [])
    newest = int(before[LAST_SEEN_MS].max())
    assert scorer.take(Metered(before, newest)) is not None
    ended = scorer.take(Metered(FlowBatch.empty(), newest - hour_ms))
    assert ended is not None
    assert [verdict.label for verdict in ended.ended] == [Label.MINING]
    again = [replace(packet, time_ms=packet.time_ms - hour_ms) for packet in miner(5)]
    concluded = scorer.take(Metered(slices(again, []), newest - hour_ms))
    assert concluded is not None
    assert concluded.ended == []  # it is open, as if the clock had always been this one
    assert len(concluded.alerts) == 1


def test_a_clock_that_was_set_forward_ends_what_is_open_and_judges_what_comes() -> None:
    scorer, hour_ms = one_scorer(), 3_600_000
    packets = miner(10)
    half = len(packets) // 2
    later = [replace(packet, time_ms=packet.time_ms + hour_ms) for packet in packets[half:]]
    before = scorer.take(Metered(slices(packets[:half], []), packets[half - 1].time_ms))
    after = scorer.take(Metered(slices(later, []), later[-1].time_ms))
    last = scorer.finish()
    alerts = [alert for part in (before, after) if part is not None for alert in part.alerts]
    ended = [it for part in (before, after, last) if part is not None for it in part.ended]
    assert {alert.verdict.key for alert in alerts} == {FlowKey(*astuple(Ends()))}
    assert [verdict.label for verdict in ended] == [Label.MINING] * 2  # before and after, one incident


def test_a_clock_that_is_a_little_late_ends_nothing() -> None:
    scorer = one_scorer()
    records = slices(miner(5), [])
    newest = int(records[LAST_SEEN_MS].max())
    scorer.take(Metered(records, newest))
    scorer.take(Metered(FlowBatch.empty(), newest - STEP_BACK_MS))
    assert len(scorer.table) == 1
