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
from tests.capture.frames import (
    CLIENT,
    EPOCH_S,
    SERVER,
    conversation,
    ethernet,
    in_gtp,
    in_ip,
    packet,
    pcap,
    segment,
)
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


def test_tags_are_read_off_the_headers_as_the_engine_reads_them(tmp_path: Path) -> None:
    frames = [
        (port, frame[:12] + TAGS[port % len(TAGS)] + frame[12:])
        for port in range(24)
        for _, frame in said(port)
    ]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames))
    assert len(FlowBatch.concat([step.batch for step in metered(path, ONLY_TCP)])) == 24 - 24 // len(TAGS)
    assert_parts_are_the_whole(path, 3, ONLY_TCP)


TAGS = (
    b"\x81\0\0\x07",
    b"\x81\0\xef\xff",
    b"\x81\0\0\x05\x81\0\0\x06",
    b"\x88\xa8\0\x05",
)  # the last is not read


def test_what_is_plain_and_what_is_not_of_one_flow_are_in_one_part(tmp_path: Path) -> None:
    plain = [frame for port in range(9) for frame in said(port)]
    later = [(100 + at, variant(frame)) for at, frame in plain for variant in (with_options, first_fragment)]
    tagged = [(300 + at, frame[:12] + tag + frame[12:]) for at, frame in plain for tag in TAGS[:1] + SAME_TAG]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([*plain, *later, *tagged]))
    assert len(FlowBatch.concat([step.batch for step in metered(path, ONLY_TCP)])) == 9 + 9
    assert_parts_are_the_whole(path, 3, ONLY_TCP)


SAME_TAG = (b"\x81\0\xe0\x07",)  # with a priority


def with_options(frame: bytes) -> bytes:
    """The frame with a router alert (RFC 2113) in its IPv4 header."""
    length = int.from_bytes(frame[16:18]) + 4
    return frame[:14] + b"\x46\0" + length.to_bytes(2) + frame[18:34] + b"\x94\x04\0\0" + frame[34:]


def first_fragment(frame: bytes) -> bytes:
    return frame[:20] + b"\x20\0" + frame[22:]


def test_a_fragment_without_ports_moves_no_clock(tmp_path: Path) -> None:
    frames = [frame for port in range(9) for frame in said(port)]
    path = tmp_path / "a.pcap"
    for address in ("10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"):
        rest = ethernet(packet(address, SERVER.address, 6, bytes(range(40)), fragment=7))
        path.write_bytes(pcap([*frames, (60_000, rest)]))
        assert metered(path, ONLY_TCP)[-1].clock_ms < START_MS + 1000
        assert_parts_are_the_whole(path, 2, ONLY_TCP)


START_MS = 1000 * EPOCH_S


def test_every_packet_is_in_one_part_however_little_was_captured(tmp_path: Path) -> None:
    inner = [segment(replace(CLIENT, port=port + 1), SERVER, b"x") for port in range(50)]
    wrapped = [ethernet(wrap(one)) for wrap in (in_ip, in_gtp) for one in inner]
    frames = [(at, wrapped[at // 2] if at % 2 else said(at)[0][1]) for at in range(200)]
    for cut in (20, 34, 54, 57, 68, 76):
        path = tmp_path / f"{cut}.pcap"
        short = [(at, frame[: cut if at % 2 else 2000]) for at, frame in frames]
        path.write_bytes(pcap(short))
        whole, first, second = (
            sum(int(step.batch[schema.PACKETS].sum()) + step.passed_over for step in metered(path, shard))
            for shard in (ONLY_TCP, replace(ONLY_TCP, count=2), replace(ONLY_TCP, number=1, count=2))
        )
        assert first + second == whole


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
