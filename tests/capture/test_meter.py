"""flowml's meter: what it does beyond NFStreamer, and that it sees the same packets."""

from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowml import schema
from flowml.capture.dissection import Dissection
from flowml.capture.engine import Engine
from flowml.capture.extension import extension
from flowml.capture.inputs import open_file
from flowml.capture.loop import PacketLoop
from flowml.capture.meter import Meter
from flowml.capture.records import from_engine
from flowml.capture.reference import ReferenceMeter
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.flows.schedule import JudgingAges
from tests.capture.frames import CLIENT, EPOCH_S, FIN_ACK, RST, SERVER, SYN, End, ethernet, pcap, segment
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
    assert covered == [10_000, 30_000, 180_000, 625_000]  # nothing new from 45 s to 120 s
    assert batch[schema.IS_FINAL][mine].tolist() == [False, False, False, True]
    assert batch[schema.PACKETS][mine].tolist() == [2, 4, 5, 5]
    assert set(batch[schema.UID][mine].tolist()) == {0}


def test_after_the_last_age_a_flow_is_reported_each_time_that_age_has_passed(tmp_path: Path) -> None:
    frames = [_said(at, b"x") for at in range(0, 100_000, 1000)]
    batch = _meter(tmp_path / "a.pcap", frames, snapshot_ages_s=(10, 20))
    covered = (batch[schema.COVERED_UNTIL_MS][~batch[schema.IS_FINAL]] - START_MS).tolist()
    assert covered == [10_000, 20_000, 40_000, 60_000, 80_000]


def test_snapshots_at_packet_counts_leave_the_flow_open_and_its_ages_as_they_were(tmp_path: Path) -> None:
    frames = [_said(at, b"12345678") for at in (0, 10, 10, 20, 9_000, 15_000, 40_000)]
    frames.insert(1, _said(5, b"", by_server=True))  # an acknowledgement is no payload packet
    counted = _meter(tmp_path / "a.pcap", frames, snapshot_packets=(2, 4, 100), snapshot_ages_s=(10, 30))
    aged = _meter(tmp_path / "b.pcap", frames, snapshot_ages_s=(10, 30))
    assert [_packets(counted, row) for row in range(len(counted))] == [
        [(0, 8), (10, 8)],  # the second payload packet
        [(10, 8), (20, 8)],  # the fourth
        [(9_000, 8)],  # ten seconds
        [(15_000, 8)],  # thirty seconds
        [(40_000, 8)],  # the end
    ]
    covered = (counted[schema.COVERED_UNTIL_MS] - START_MS).tolist()
    assert covered == [10, 20, 10_000, 30_000, 160_000]
    assert covered[2:] == (aged[schema.COVERED_UNTIL_MS] - START_MS).tolist()
    assert counted[schema.PACKETS].tolist() == [3, 5, 6, 7, 8]
    assert counted[schema.IS_FINAL].tolist() == [False] * 4 + [True]
    assert set(counted[schema.UID].tolist()) == {0}
    assert set(counted[schema.SLICE].tolist()) == {0}


def test_an_age_is_reported_although_a_count_has_told_of_all_packets(tmp_path: Path) -> None:
    frames = [*(_said(at, b"x") for at in (0, 1)), _said(11_000, b"other", port=9)]
    batch = _meter(tmp_path / "a.pcap", frames, snapshot_packets=(2,))
    batch = batch.take(np.flatnonzero(batch[schema.SRC_PORT] == CLIENT.port))
    assert batch.packets.counts.tolist() == [2, 0, 0]
    assert (batch[schema.COVERED_UNTIL_MS] - START_MS).tolist() == [1, 10_000, 120_001]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=traffic(), size=st.integers(1, 9))
def test_snapshots_at_packet_counts_change_nothing_of_what_is_judged(
    tmp_path: Path, frames: Frames, size: int
) -> None:
    ages: dict[str, Any] = {"idle_timeout_s": 20, "active_timeout_s": 35, "snapshot_ages_s": (1, 3, 10)}
    aged = _meter(tmp_path / "a.pcap", frames, **ages)
    counted = _meter(tmp_path / "b.pcap", frames, snapshot_packets=(1, 2, 5, 20), **ages)
    assert len(counted) >= len(aged)
    seen = [_judged(batch, size) for batch in (aged, counted)]
    assert seen[0] == seen[1]


def _judged(batch: FlowBatch, size: int) -> list[tuple[Any, ...]]:
    """Everything that is judged of each connection, when its records come `size` at a time."""
    # without what a table concludes from silence, by a clock that is told with every record
    ages = JudgingAges((1.0, 3.0, 10.0), repeat_s=10.0)
    settings = ConnectionSettings(ages, silence_s=86_400.0, linger_s=86_400.0, report_delay_s=86_400.0)
    table = ConnectionTable(settings)
    parts = [batch.take(np.arange(at, min(at + size, len(batch)))) for at in range(0, len(batch), size)]
    seen = Observations.concat([*(table.update(part) for part in parts), table.flush()])
    return sorted(
        (
            int(seen.start_ms[row]), int(seen.client_port[row]), int(seen.server_port[row]),
            float(seen.age_s[row]), bool(seen.is_final[row]),
            *seen.packets.take(np.array([row])).time_ms.tolist(),
            *seen.packets.take(np.array([row])).size_bytes.tolist(),
        )
        for row in range(len(seen.age_s))
    )  # fmt: skip


def test_packets_are_counted_through_all_slices_of_a_flow_and_anew_in_the_next(tmp_path: Path) -> None:
    frames = [_said(at, b"x") for at in (0, 11_000, 22_000, 90_000, 90_001, 90_002)]
    settings: dict[str, Any] = {"active_timeout_s": 10, "idle_timeout_s": 20, "snapshot_ages_s": ()}
    batch = _meter(tmp_path / "a.pcap", frames, snapshot_packets=(3,), **settings)
    assert batch[schema.IS_FINAL].tolist() == [True, True, False, True, False, True]
    assert batch[schema.SLICE].tolist() == [0, 1, 2, 2, 0, 0]
    assert batch[schema.UID].tolist() == [0, 0, 0, 0, 1, 1]


def test_snapshots_at_counts_make_room_in_the_history(tmp_path: Path) -> None:
    frames = [_said(at, bytes(1 + at)) for at in range(21)]
    batch = _meter(
        tmp_path / "a.pcap", frames, history_packets=7, snapshot_packets=(7, 14), snapshot_ages_s=()
    )
    assert batch.packets.counts.tolist() == [7, 7, 7]
    assert not batch[schema.GAP_BEFORE].any()


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
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(scan))
    engine, open_flows = Engine(), []
    loop = PacketLoop(engine, MeterSettings(max_flows=1000))  # nDPI has never seen enough of such flows
    with closing(loop), closing(open_file(engine, str(path))) as capture:
        parts = []
        while loop.run_file(capture) != loop.status.END_OF_FILE:
            parts.append(loop.take())
            open_flows.append(loop.counters()["open_flows"])
        parts.append(loop.take())
        counters = loop.counters()
    assert sum(len(part) for part in parts) == counters["evicted"] == 39_000
    assert max(open_flows) == counters["open_flows"] == 1000
    assert sum(int(part.records["bidirectional_packets"].sum()) for part in parts) == 39_000


def test_a_name_does_not_need_the_handshake_and_what_has_no_payload_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    names = {}
    request = b"GET / HTTP/1.1\r\nHost: pool.example\r\n\r\n"
    frames = [
        (0, ethernet(segment(CLIENT, SERVER, flags=SYN))),
        (1, ethernet(segment(SERVER, CLIENT, flags=SYN))),
        (2, ethernet(segment(CLIENT, SERVER, request))),
        (3, ethernet(segment(End("10.9.0.1", 5), End("10.9.0.2", 80), flags=SYN))),
    ]
    path.write_bytes(pcap(frames))
    engine = Engine()
    for dissection in Dissection:
        loop = PacketLoop(engine, MeterSettings(), dissection=dissection)
        with closing(loop), closing(open_file(engine, str(path))) as capture:
            assert loop.run_file(capture) == loop.status.END_OF_FILE
            loop.flush(is_end_of_file=True)
            batch = from_engine(loop.take())
        names[dissection] = batch[schema.SERVER_NAME].tolist(), batch[schema.APPLICATION_NAME].tolist()
    assert names[Dissection.NAMES] == names[Dissection.EVERYTHING]
    assert names[Dissection.NAMES][0] == names[Dissection.NAMES_OF_PAYLOAD][0] == [b"pool.example", b""]
    assert names[Dissection.NAMES_OF_PAYLOAD][1] == [names[Dissection.NAMES][1][0], b""]


@pytest.mark.parametrize("dissection", Dissection)
def test_of_many_flows_that_tell_too_little_nobody_waits_for_those_that_began_first(
    dissection: Dissection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = range(1, 41)
    frames = [_said(at, bytes(range(at, at + 30)), port=port) for at, port in enumerate(ports)]
    frames += [_said(20_000 + at, b"more", port=port) for at, port in enumerate(ports)]
    frames += [_said(9_000_000 + at, b"GET / HTTP/1.1\r\n", port=port) for at, port in enumerate(ports)]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames))
    engine, batches = Engine(), []
    for bound in (1000, 10):
        monkeypatch.setattr("flowml.capture.loop.MAX_DISSECTIONS", bound)
        loop = PacketLoop(engine, MeterSettings(), dissection=dissection)
        with closing(loop), closing(open_file(engine, str(path))) as capture:
            assert loop.run_file(capture) == loop.status.END_OF_FILE
            loop.flush(is_end_of_file=True)
            batches.append(from_engine(loop.take()))
    whole, bounded = batches
    name = schema.APPLICATION_NAME
    for column, values in whole.columns.items():
        assert column == name.name or np.array_equal(values, bounded.columns[column])
    first_snapshot = ~whole[schema.IS_FINAL] & (whole[schema.PACKETS] == 1)
    is_looked_at = bounded[schema.SRC_PORT] > 30
    assert (whole[name][first_snapshot] == b"").all()  # nDPI goes on looking
    assert ((bounded[name][first_snapshot] == b"") == is_looked_at[first_snapshot]).all()
    later = whole[schema.UID] >= 40
    assert (bounded[name][later] == b"HTTP").all()


def test_the_flags_that_end_a_connection_are_in_its_record(tmp_path: Path) -> None:
    frames = [_said(0, b"x"), (1, ethernet(segment(SERVER, CLIENT, flags=FIN_ACK)))]
    batch = _meter(tmp_path / "a.pcap", frames)
    assert batch[schema.DST_FIN].tolist() == [1]
    assert batch[schema.SRC_FIN].tolist() == [0]
    frames.append((2, ethernet(segment(CLIENT, SERVER, flags=RST))))
    assert _meter(tmp_path / "b.pcap", frames)[schema.RST].tolist() == [1]


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


def test_what_ndpi_keeps_of_a_flow_is_given_back_as_soon_as_it_has_its_name(tmp_path: Path) -> None:
    web = End("10.0.0.9", 80)
    frames = [(0, ethernet(segment(CLIENT, web, flags=SYN)))]
    for at in range(1, 12):
        pair = (CLIENT, web) if at % 2 else (web, CLIENT)
        text = b"GET / HTTP/1.1\r\nHost: pool.example.org\r\n\r\n" if at % 2 else b"HTTP/1.1 200 OK\r\n\r\n"
        frames.append((10 * at, ethernet(segment(*pair, text))))
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames))
    engine = Engine()
    offset = engine.layout.flow_offsets["ndpi_flow"]
    pointer = np.dtype({"names": ["it"], "formats": ["u8"], "offsets": [offset], "itemsize": offset + 8})
    engine.layout = replace(engine.layout, record=pointer)
    loop = PacketLoop(engine, MeterSettings(snapshot_packets=(1, 11)))
    with closing(loop), closing(open_file(engine, str(path))) as capture:
        loop.run_file(capture)
        first, last = loop.take().records["it"].tolist()
    assert first != 0  # nDPI looks at it
    assert last == 0  # long before the twentieth packet


def test_a_file_that_libpcap_stops_in_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([_said(0, b"x"), _said(1, b"y")])[:-3])
    with pytest.raises(CaptureError, match="reading stops before its end, after 1 packets"):
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
        n_dissections=0,
        idle_timeout_s=20,
        active_timeout_s=35,
        snapshot_ages_s=(1, 3, 10),
        snapshot_packets=(1, 3, 7),
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
    settings: dict[str, Any] = {"idle_timeout_s": 20, "snapshot_ages_s": (1, 3, 10)}
    batch = _meter(tmp_path / "a.pcap", frames, snapshot_packets=(1, 3, 7, 20), **settings)
    covered: dict[int, int] = {}
    for row in range(len(batch)):
        uid = int(batch[schema.UID][row])
        sequence = _packets(batch, row)
        until = int(batch[schema.COVERED_UNTIL_MS][row]) - START_MS
        # a snapshot at a count holds packets of the very millisecond for which it does not vouch yet
        at_count = not batch[schema.IS_FINAL][row] and sequence[-1:] and sequence[-1][0] == until
        assert all(covered.get(uid, -1) <= time < until + bool(at_count) for time, _ in sequence)
        covered[uid] = until
    final = batch[schema.IS_FINAL]
    assert int(batch[schema.SRC_BYTES][final].sum() + batch[schema.DST_BYTES][final].sum()) == int(
        np.abs(batch.packets.size_bytes).sum()
    )
