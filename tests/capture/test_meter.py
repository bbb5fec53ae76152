"""flowml's meter: what it does beyond NFStreamer, and that it sees the same packets."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from flowml import schema
from flowml.capture.extension import extension
from flowml.capture.meter import Meter
from flowml.capture.reference import ReferenceMeter
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from tests.capture.frames import CLIENT, EPOCH_S, FIN_ACK, SERVER, SYN, End, ethernet, pcap, segment
from tests.capture.traffic import traffic

pytestmark = pytest.mark.skipif(extension() is None, reason="the packet loop is not compiled")

START_MS = EPOCH_S * 1000
Frames = list[tuple[int, bytes]]


def _meter(path: Path, frames: Frames, **settings: Any) -> FlowBatch:
    path.write_bytes(pcap(frames))
    return FlowBatch.concat(list(Meter(MeterSettings(n_dissections=0, **settings)).batches(path)))


def _packets(batch: FlowBatch, row: int) -> list[tuple[int, int]]:
    sequence = batch.packets.take(np.array([row]))
    return [(int(t) - START_MS, int(s)) for t, s in zip(sequence.time_ms, sequence.size_bytes, strict=True)]


def _said(at: int, payload: bytes, *, by_server: bool = False, port: int = CLIENT.port) -> tuple[int, bytes]:
    client = End(CLIENT.address, port)
    return at, ethernet(segment(SERVER, client, payload) if by_server else segment(client, SERVER, payload))


def test_flows_behind_a_long_one_leave_after_their_idle_timeout(tmp_path: Path) -> None:
    long = [_said(at, b"x", port=1) for at in range(0, 100_000, 500)]
    short = [_said(at, b"x", port=1000 + at) for at in range(1, 1001)]
    batch = _meter(tmp_path / "a.pcap", sorted(long + short), idle_timeout_s=15, snapshot_ages_s=())
    assert len(batch) == 1001
    assert batch[schema.SRC_PORT][-1] == 1  # the long one is the last to leave, not the first
    assert batch[schema.SRC_PORT][0] == 1001


def test_snapshots_report_an_open_flow_at_its_ages_and_only_what_is_new(tmp_path: Path) -> None:
    frames = [_said(at, b"12345678") for at in (0, 9_999, 10_000, 29_000, 125_000)]
    frames.append(_said(700_000, b"other", port=9))
    batch = _meter(tmp_path / "a.pcap", frames, idle_timeout_s=500)
    mine = np.flatnonzero(batch[schema.SRC_PORT] == CLIENT.port)
    assert [_packets(batch, int(row)) for row in mine] == [
        [(0, 8), (9_999, 8)],
        [(10_000, 8), (29_000, 8)],
        [(125_000, 8)],
        [],
    ]
    covered = (batch[schema.COVERED_UNTIL_MS][mine] - START_MS).tolist()
    assert covered == [10_000, 30_000, 300_000, 625_000]  # nothing new at 60 s and 120 s
    assert batch[schema.IS_FINAL][mine].tolist() == [False, False, False, True]
    assert batch[schema.PACKETS][mine].tolist() == [2, 4, 5, 5]
    assert set(batch[schema.UID][mine].tolist()) == {0}


def test_after_the_last_age_a_flow_is_reported_each_time_that_age_has_passed(tmp_path: Path) -> None:
    frames = [_said(at, b"x") for at in range(0, 100_000, 1000)]
    batch = _meter(tmp_path / "a.pcap", frames, snapshot_ages_s=(10, 20))
    covered = (batch[schema.COVERED_UNTIL_MS][~batch[schema.IS_FINAL]] - START_MS).tolist()
    assert covered == [10_000, 20_000, 40_000, 60_000, 80_000]


def test_an_active_timeout_keeps_uid_and_sides_and_counts_the_slices(tmp_path: Path) -> None:
    frames = [
        _said(0, b"login"),
        _said(5_000, b"job...", by_server=True),
        _said(11_000, b"another job", by_server=True),
        _said(12_000, b"ok"),
        _said(40_000, b"late"),
    ]
    batch = _meter(tmp_path / "a.pcap", frames, active_timeout_s=10, idle_timeout_s=20, snapshot_ages_s=())
    assert batch[schema.UID].tolist() == [0, 0, 1]
    assert batch[schema.SLICE].tolist() == [0, 1, 0]
    assert batch[schema.SRC_IP].tolist() == [b"10.0.0.2"] * 3
    assert batch[schema.SRC_BYTES].tolist() == [5, 2, 4]
    assert batch[schema.DST_BYTES].tolist() == [6, 11, 0]
    assert _packets(batch, 1) == [(11_000, -11), (12_000, 2)]
    assert (batch[schema.COVERED_UNTIL_MS] - START_MS).tolist() == [10_000, 32_000, 60_000]


def test_of_more_packets_than_the_history_holds_the_newest_are_kept(tmp_path: Path) -> None:
    frames = [_said(at, bytes(1 + at)) for at in range(21)]
    batch = _meter(tmp_path / "a.pcap", frames, history_packets=7)
    assert _packets(batch, 0) == [(at, at + 1) for at in range(14, 21)]
    assert batch[schema.GAP_BEFORE].tolist() == [True]
    whole = _meter(tmp_path / "b.pcap", frames, history_packets=21)
    assert whole.packets.counts.tolist() == [21]
    assert whole[schema.GAP_BEFORE].tolist() == [False]


def test_a_full_table_lets_the_least_recently_used_flow_go(tmp_path: Path) -> None:
    frames = [_said(0, b"a", port=1), _said(1, b"b", port=2), _said(2, b"a", port=1), _said(3, b"c", port=3)]
    batch = _meter(tmp_path / "a.pcap", frames, max_flows=2)
    assert batch[schema.SRC_PORT].tolist() == [2, 1, 3]
    assert batch[schema.COVERED_UNTIL_MS][0] == START_MS + 3


def test_a_scan_of_many_ports_stays_within_the_bound(tmp_path: Path) -> None:
    scan = [(n // 100, ethernet(segment(End("10.9.0.1", n), SERVER, flags=SYN))) for n in range(40_000)]
    batch = _meter(tmp_path / "a.pcap", scan, max_flows=1000)
    assert len(batch) == 40_000
    assert int(batch[schema.PACKETS].sum()) == 40_000


def test_the_flags_that_end_a_connection_are_in_its_record(tmp_path: Path) -> None:
    frames = [_said(0, b"x"), (1, ethernet(segment(SERVER, CLIENT, flags=FIN_ACK)))]
    batch = _meter(tmp_path / "a.pcap", frames)
    assert batch[schema.DST_FIN].tolist() == [1]
    assert batch[schema.SRC_FIN].tolist() == [0]


def test_a_file_that_jumps_years_ends_its_flows_and_goes_on(tmp_path: Path) -> None:
    frames = [_said(0, b"a"), _said(3 * 365 * 86_400_000, b"b"), _said(5, b"c")]
    batch = _meter(tmp_path / "a.pcap", frames)
    assert batch[schema.PACKETS][batch[schema.IS_FINAL]].tolist() == [1, 2]
    assert batch[schema.UID].tolist() == [0, 0, 1]  # the first with a snapshot at its age of 10 s


def test_a_snapshot_carries_the_name_that_the_client_asked_for(tmp_path: Path) -> None:
    request = b"GET / HTTP/1.1\r\nHost: pool.example.org\r\n\r\n"
    web = End("10.0.0.9", 80)
    frames = [
        (0, ethernet(segment(CLIENT, web, flags=SYN))),
        (10, ethernet(segment(CLIENT, web, request))),
        (15_000, ethernet(segment(CLIENT, web, request))),
    ]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames))
    batch = FlowBatch.concat(list(Meter(MeterSettings()).batches(path)))
    assert batch[schema.IS_FINAL].tolist() == [False, True]
    assert batch[schema.SERVER_NAME].tolist() == [b"pool.example.org"] * 2
    assert batch[schema.APPLICATION_NAME].tolist() == [b"HTTP"] * 2


def test_a_file_that_libpcap_stops_in_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([_said(0, b"x"), _said(1, b"y")])[:-3])
    with pytest.raises(CaptureError, match="libpcap stops before its end, after 1 packets"):
        list(Meter(MeterSettings()).batches(path))


def test_an_abandoned_meter_closes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([_said(n, b"x", port=n) for n in range(1, 20_000)]))
    before = len(list(Path("/proc/self/fd").iterdir()))
    batches = Meter(MeterSettings(n_dissections=0, idle_timeout_s=1)).batches(path)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


Key = tuple[frozenset[tuple[bytes, int]], int, int]


def _per_key(batch: FlowBatch) -> dict[Key, list[tuple[int, int, bytes]]]:
    """All packets of each pair of ends as (time, size, sender), in the order of their records."""
    seen: dict[Key, list[tuple[int, int, bytes]]] = defaultdict(list)
    order = np.lexsort((batch[schema.SLICE], batch[schema.FIRST_SEEN_MS]))
    for row in order:
        source = (batch[schema.SRC_IP][row], int(batch[schema.SRC_PORT][row]))
        target = (batch[schema.DST_IP][row], int(batch[schema.DST_PORT][row]))
        key = (
            frozenset((source, target)),
            int(batch[schema.PROTOCOL][row]),
            int(batch[schema.VLAN_ID][row]),
        )
        for time, size in _packets(batch, int(row)):
            sender = source if size > 0 else target
            seen[key].append((time, abs(size), b"%s:%d" % sender))
    return seen


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=traffic())
def test_the_meter_and_the_reference_see_the_same_packets(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames))
    settings = MeterSettings(
        n_dissections=0, idle_timeout_s=20, active_timeout_s=35, snapshot_ages_s=(1, 3, 10)
    )
    mine = FlowBatch.concat(list(Meter(settings).batches(path)))
    theirs = FlowBatch.concat(list(ReferenceMeter(settings).batches(path)))
    final = mine[schema.IS_FINAL]
    assert mine[schema.PACKETS][final].sum() == theirs[schema.PACKETS].sum()
    assert _per_key(mine) == _per_key(theirs)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=traffic())
def test_no_packet_is_in_two_records_and_none_is_behind_what_a_record_vouches_for(
    tmp_path: Path, frames: Frames
) -> None:
    batch = _meter(tmp_path / "a.pcap", frames, idle_timeout_s=20, snapshot_ages_s=(1, 3, 10))
    covered: dict[int, int] = {}
    for row in range(len(batch)):
        uid = int(batch[schema.UID][row])
        sequence = _packets(batch, row)
        until = int(batch[schema.COVERED_UNTIL_MS][row]) - START_MS
        assert all(covered.get(uid, -1) <= time < until for time, _ in sequence)
        covered[uid] = until
    final = batch[schema.IS_FINAL]
    assert int(batch[schema.SRC_BYTES][final].sum() + batch[schema.DST_BYTES][final].sum()) == int(
        np.abs(batch.packets.size_bytes).sum()
    )
