"""A pcap file of which every process meters a part: together they meter what one process meters."""

import os
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowml import schema
from flowml.capture import loop as packet_loop
from flowml.capture.engine import Engine
from flowml.capture.extension import extension
from flowml.capture.loop import PacketLoop
from flowml.capture.meter import Meter
from flowml.capture.settings import ONLY_TCP, WHOLE, MeterSettings, Shard
from flowml.capture.step import Step
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from tests.capture.frames import CLIENT, SERVER, conversation, ethernet, pcap, segment
from tests.capture.traffic import traffic

pytestmark = pytest.mark.skipif(extension() is None, reason="the packet loop is not compiled")

Frames = list[tuple[int, bytes]]
Moment = tuple[int, Counter[tuple[Any, ...]]]
"""Its time, and all records since the one before."""
FREQUENT = MeterSettings(idle_timeout_s=20, active_timeout_s=35, snapshot_ages_s=(1, 3, 10))


def metered(path: Path, shard: Shard) -> list[Step]:
    return list(Meter(FREQUENT, shard).steps(path))


def rows(batch: FlowBatch) -> Counter[tuple[Any, ...]]:
    """Everything in the records but the number of their flow, which counts those of a process."""
    names = [column for column in schema.RECORD_COLUMNS if column is not schema.UID]
    columns = [batch[column].tolist() for column in names]
    packets = [batch.packets.take(np.array([row])) for row in range(len(batch))]
    payload = [(tuple(part.time_ms.tolist()), tuple(part.size_bytes.tolist())) for part in packets]
    return Counter(zip(*columns, payload, strict=True))


def moments(steps: list[Step]) -> list[Moment]:
    told, records = [], Counter[tuple[Any, ...]]()
    for step in steps:
        records += rows(step.batch)
        if step.is_moment:
            told.append((step.clock_ms, records))
            records = Counter()
    return told


def assert_parts_are_the_whole(path: Path, count: int, kind: Shard) -> None:
    whole = metered(path, kind)
    parts = [metered(path, replace(kind, number=number, count=count)) for number in range(count)]
    together: list[Moment] = [
        (max(clock_ms for clock_ms, _ in same), sum((records for _, records in same), Counter()))
        for same in zip(*(moments(part) for part in parts), strict=True)
    ]
    assert together == moments(whole)
    assert len({tuple(clock_ms for clock_ms, _ in moments(part)) for part in parts}) == 1
    assert sum(part[-1].passed_over for part in parts) == whole[-1].passed_over


@pytest.mark.parametrize("kind", [WHOLE, ONLY_TCP], ids=["all", "TCP"])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(
    frames=traffic(wrapped=True),
    count=st.integers(2, 4),
    snapshot=st.sampled_from([65_535, 128, 90]),
    order=st.sampled_from("<>"),
    nanoseconds=st.booleans(),
)
def test_the_parts_of_any_traffic_are_the_whole_of_it(
    tmp_path: Path,
    kind: Shard,
    frames: Frames,
    count: int,
    snapshot: int,
    order: str,
    nanoseconds: bool,
) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames, snapshot=snapshot, order=order, nanoseconds=nanoseconds))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packet_loop, "MOMENT_PACKETS", 20)
        assert_parts_are_the_whole(path, count, kind)


def test_packets_of_other_link_layers_are_shared_as_well(tmp_path: Path) -> None:
    frames = [frame for port in range(9) for frame in said(port)]
    cooked = [(at, bytes(14) + frame[12:]) for at, frame in frames]
    raw = [(at, frame[14:]) for at, frame in frames]
    for link_type, packets in ((113, cooked), (101, raw)):
        path = tmp_path / f"{link_type}.pcap"
        path.write_bytes(pcap(packets, link_type=link_type))
        assert len(FlowBatch.concat([step.batch for step in metered(path, ONLY_TCP)])) == 9
        assert_parts_are_the_whole(path, 3, ONLY_TCP)


def said(port: int) -> Frames:
    client = replace(CLIENT, port=port + 1)
    return [(10 * port, ethernet(segment(client, SERVER, b"x")))]


def test_times_that_no_clock_has_shown_move_no_clock_in_any_part(tmp_path: Path) -> None:
    data = bytearray(pcap([frame for port in range(9) for frame in said(port)]))
    record_bytes = 16 + len(said(0)[0][1])
    data[24 + 3 * record_bytes : 28 + 3 * record_bytes] = b"\xff\xff\xff\xff"  # seconds
    data[28 + 5 * record_bytes : 32 + 5 * record_bytes] = b"\xff\xff\xff\x7f"  # microseconds
    path = tmp_path / "a.pcap"
    path.write_bytes(data)
    assert_parts_are_the_whole(path, 3, ONLY_TCP)


@pytest.mark.parametrize("left", [24, 30, 41, 500])
def test_a_file_that_got_shorter_since_it_was_walked_is_an_error_or_shorter(
    tmp_path: Path, left: int
) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(conversation()))
    os.truncate(path, left)
    shard = replace(ONLY_TCP, number=1, count=2)
    if left == 24:
        assert not len(FlowBatch.concat([step.batch for step in metered(path, shard)]))
        return
    with pytest.raises(CaptureError, match="reading stops before its end"):
        metered(path, shard)


def test_what_libpcap_does_not_take_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(conversation())[:4] + bytes(20))  # no such version
    loop = PacketLoop(Engine(), FREQUENT, shard=replace(ONLY_TCP, count=2))
    with closing(loop), pytest.raises(CaptureError, match="libpcap cannot read it"):
        loop.open_plain(path)
