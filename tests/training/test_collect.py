from pathlib import Path

import numpy as np

from flowml.datasets.feedback import LabelledAlert, write_feedback
from flowml.flows.connections import ConnectionSettings
from flowml.schema import FIRST_SEEN_MS
from flowml.training.collect import from_feedback, observe, switched_on_at
from tests.builders import miner, slices
from tests.incidents.seen import START, mined, seen

T0 = 1_700_000_000_000


def test_a_sensor_switched_on_later_sees_the_rest_and_no_handshake() -> None:
    packets = miner(10, seed=2)
    records = slices(packets, range(3, len(packets), 40))
    start_ms = T0 + 120_500
    late = observe([switched_on_at(records, start_ms)], ConnectionSettings())
    direct = [p for p in packets if p.time_ms >= start_ms]
    same = observe([slices([p for p in direct if p.size_bytes], [])], ConnectionSettings())
    assert not late.saw_start.any()
    assert late.start_ms[0] == same.start_ms[0]
    np.testing.assert_array_equal(late.packets.time_ms, same.packets.time_ms)
    np.testing.assert_array_equal(late.packets.size_bytes, same.packets.size_bytes)


def test_a_sensor_switched_on_after_the_end_sees_nothing() -> None:
    records = slices(miner(2), [5])
    assert len(switched_on_at(records, T0 + 3_600_000)) == 0


def test_a_connection_that_begins_after_the_sensor_is_whole() -> None:
    records = slices(miner(2), [5, 20])
    whole = switched_on_at(records, T0 - 1000)
    np.testing.assert_array_equal(whole[FIRST_SEEN_MS], records[FIRST_SEEN_MS])
    assert observe([whole], ConnectionSettings()).saw_start.all()


def test_feedback_is_one_more_capture_with_its_checksum(tmp_path: Path) -> None:
    write_feedback(tmp_path, [LabelledAlert(7, mined(seen()), False, "mika", "telemetry", START)])
    found = from_feedback(tmp_path)
    assert found.labelled is not None
    assert found.labelled.origin.tolist() == ["feedback/incident 7"]
    assert found.capture.sha256
