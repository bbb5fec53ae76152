"""What must hold for any input: records or one clear error, every packet accounted for, nothing else."""

import os
import re
import struct
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np

from flowml.capture import loop as packet_loop
from flowml.capture.dissection import Dissection
from flowml.capture.engine import Engine
from flowml.capture.files import Amounts, CaptureFile, file_meter
from flowml.capture.inputs import is_plain, open_file
from flowml.capture.loop import PacketLoop
from flowml.capture.records import from_engine
from flowml.capture.settings import MeterSettings, Shard
from flowml.capture.sources import METERED_LINKS, open_capture
from flowml.errors import CaptureError
from flowml.features.matrix import feature_matrix
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.schema import PACKETS

LINKS = tuple(METERED_LINKS)
PACKET_HEAD = struct.Struct("<HHB")  # gap, captured bytes, sixteenths of the bytes that were cut off
_LONG_GAP = 0x8000  # above it a gap counts tenths of a second, so that inputs reach the timeouts

See = Callable[[int], None]
Judge = Callable[[bytes], None]


def file_judge(see: See) -> Judge:
    """Any bytes are a capture file: the whole road from the file to the features."""
    warnings.simplefilter("error")
    path, write = _memory_file()

    def judge(data: bytes) -> None:
        write(data)
        for allow_partial in (False, True):
            capture = CaptureFile(path, MeterSettings(n_dissections=0), allow_partial=allow_partial)
            try:
                _features(capture)
            except CaptureError as error:
                see(crc32(_NUMBERS.sub("", str(error)).encode()))
                continue
            report = capture.report
            assert report.metered + sum(report.ignored.values()) >= report.packets
            assert _metered_in_parts(path, allow_partial) in (None, report.metered)
            for reason in report.ignored:
                see(crc32(reason.encode()))
            return

    return judge


_NUMBERS = re.compile(r"\b[0-9a-f]+\b")  # an error with other figures is not another error


def _features(capture: CaptureFile) -> None:
    table = ConnectionTable(ConnectionSettings())
    for batch in capture.batches():
        for observations in (table.update(batch), table.flush()):
            assert not np.isinf(feature_matrix(observations)).any()  # NaN: not known


def _metered_in_parts(path: Path, allow_partial: bool) -> int | None:
    """Packets in the records of three parts; None where libpcap reads, with a buffer left to chance."""
    amounts = [Amounts() for _ in range(3)]
    with open_capture(path, allow_partial=allow_partial) as source:
        if not is_plain(source.readable_path):
            return None
        for number, amount in enumerate(amounts):
            meter = file_meter(MeterSettings(n_dissections=0), Shard(number, len(amounts)))
            for step in meter.steps(source.readable_path):
                amount.add(step)
    return sum(amount.packets for amount in amounts)


def packets_judge(see: See) -> Judge:
    """Any bytes are packets of a sound file: the engine with nDPI, the loop and its table, full early.

    The first byte chooses link layer and settings; then a `PACKET_HEAD` and its bytes, again and again.
    """
    warnings.simplefilter("error")
    packet_loop.BATCH_RECORDS = 5  # small, so that a short input fills batch, table and ring
    packet_loop.MAX_DISSECTIONS = 2
    engine = Engine()
    full = MeterSettings(max_flows=4, history_packets=4)
    loops = [
        PacketLoop(engine, full, dissection=Dissection.NAMES_OF_PAYLOAD),
        PacketLoop(engine, replace(full, snapshot_ages_s=()), accounting_mode=0, splt_packets=3),
        PacketLoop(engine, replace(full, n_dissections=0, idle_timeout_s=1, active_timeout_s=2)),
    ]
    path, write = _memory_file()

    def judge(data: bytes) -> None:
        choice = data[0] if data else 0
        loop = loops[choice // len(LINKS) % len(loops)]
        packets = list(unpack(data))
        write(as_pcap(LINKS[choice % len(LINKS)], packets))
        before = loop.counters()
        metered = sum(_meter(engine, loop, path, see))
        loop.restart_clock()
        after = loop.counters()
        assert metered == after["packets"] - before["packets"]
        assert metered + after["ignored"] - before["ignored"] == len(packets)

    return judge


def _meter(engine: Engine, loop: PacketLoop, path: Path, see: See) -> Iterator[int]:
    """Give the packets in the final records of each batch."""
    with closing(open_file(engine, str(path))) as capture:
        status = loop.status.DEADLINE
        while status != loop.status.END_OF_FILE:
            status = loop.run_file(capture)
            assert status in (loop.status.DEADLINE, loop.status.BATCH_FULL, loop.status.END_OF_FILE), status
            yield _taken(loop, see)
    more = True
    while more:
        more = loop.flush(is_end_of_file=True)
        yield _taken(loop, see)


def _taken(loop: PacketLoop, see: See) -> int:
    batch = loop.take()
    if not len(batch):
        return 0
    records = from_engine(batch)
    for name in set(batch.records["application_name"].tolist()):
        see(crc32(name))
    for ending in set(batch.facts["ending"].tolist()):
        see(ending)
    return int(np.sum(records[PACKETS], where=batch.facts["ending"] != loop.status.SNAPSHOT))


def unpack(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Packets of an input: ms since the one before, captured bytes, bytes that were cut off."""
    at = 1
    while at + PACKET_HEAD.size <= len(data):
        gap, captured, cut = PACKET_HEAD.unpack_from(data, at)
        at += PACKET_HEAD.size
        gap_ms = (gap - _LONG_GAP) * 100 if gap >= _LONG_GAP else gap
        yield gap_ms, data[at : at + captured], 16 * cut
        at += captured


def pack(link_type: int, packets: Iterable[tuple[int, bytes]]) -> bytes:
    """An input of the packets target: of (gap in ms, frame)."""
    heads = (PACKET_HEAD.pack(min(gap_ms, _LONG_GAP - 1), len(frame), 0) + frame for gap_ms, frame in packets)
    return bytes([LINKS.index(link_type)]) + b"".join(heads)


def as_pcap(link_type: int, packets: Iterable[tuple[int, bytes, int]]) -> bytes:
    """A sound pcap file of (gap in ms, captured bytes, bytes that were cut off)."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, link_type)]
    time_ms = 1_700_000_000_000
    for gap_ms, frame, cut in packets:
        time_ms += gap_ms
        seconds, ms = divmod(time_ms, 1000)
        parts.append(struct.pack("<IIII", seconds, 1000 * ms, len(frame), len(frame) + cut) + frame)
    return b"".join(parts)


def _memory_file() -> tuple[Path, Callable[[bytes], None]]:
    """A file without a disk: its path, and what replaces its content."""
    descriptor = os.memfd_create("flowml-fuzz")

    def write(data: bytes) -> None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, data, 0)

    return Path(f"/proc/self/fd/{descriptor}"), write


JUDGES: dict[str, Callable[[See], Judge]] = {"file": file_judge, "packets": packets_judge}
