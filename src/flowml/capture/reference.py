"""The reference meter: NFStream's own NFStreamer, through its public interface, in records of our schema.

Slow (its loop over packets is Python's) and the measure of every other meter's correctness.
"""

import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from flowml.capture.records import flow_batch
from flowml.capture.settings import PAYLOAD_ACCOUNTING, MeterSettings
from flowml.capture.step import Step
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from flowml.flows.packets import PacketSequences
from flowml.schema import (
    APPLICATION_NAME,
    COVERED_UNTIL_MS,
    GAP_AFTER,
    GAP_BEFORE,
    IS_FINAL,
    RECORD_COLUMNS,
    SERVER_NAME,
    SLICE,
    UID,
)

BATCH_RECORDS = 4096
SLICE_S = 10  # both timeouts: NFStreamer takes no snapshots, so every age at which flows are judged is a cut
SPLT_PACKETS = 255  # in ten seconds hardly any connection of interest sends more
_ACTIVE = 1  # NFStream's expiration_id of a flow that the active timeout cut; 0 is idle or end of file
_MADE_HERE = {column.name for column in (UID, SLICE, IS_FINAL, COVERED_UNTIL_MS, GAP_BEFORE, GAP_AFTER)}
_TEXTS = {column.name for column in RECORD_COLUMNS if column.dtype.startswith("S")}
_EVIDENCE = {APPLICATION_NAME.name, SERVER_NAME.name}  # absent without dissections
_COPIED = [column for column in RECORD_COLUMNS if column.name not in _MADE_HERE]


class ReferenceMeter:
    """Meters a capture file with NFStreamer.

    Parameters
    ----------
    settings : MeterSettings
        Dissections; slices of `SLICE_S` stand in for timeouts and snapshots.
    splt_packets : int
        Packets of a slice whose time and size are kept.
    """

    def __init__(self, settings: MeterSettings, splt_packets: int = SPLT_PACKETS) -> None:
        self._settings = settings
        self._splt_packets = splt_packets
        self._open_slices: dict[tuple[object, ...], tuple[int, int, tuple[object, ...]]] = {}
        self._flows = 0

    def steps(self, path: Path) -> Iterator[Step]:
        """Meter the capture at `path`, a moment after every batch."""
        for batch in self.batches(path):
            yield Step(batch, clock_ms=0, is_moment=True)

    def batches(self, path: Path) -> Iterator[FlowBatch]:
        """Meter the capture at `path`, which must be a sound pcap or pcapng file.

        Yields
        ------
        FlowBatch
            Of at most `BATCH_RECORDS` records; a flow's slices come in their order.

        Raises
        ------
        CaptureError
            NFStream cannot read the file.
        """
        from nfstream import NFStreamer  # imports pandas, which the other meter does without

        settings = self._settings
        streamer = NFStreamer(
            source=str(path),
            idle_timeout=SLICE_S,
            active_timeout=SLICE_S,
            accounting_mode=PAYLOAD_ACCOUNTING,
            n_dissections=settings.n_dissections,
            statistical_analysis=True,
            splt_analysis=self._splt_packets,
            n_meters=1,
        )
        with _running(streamer, path) as flows:
            while chosen := list(islice(flows, BATCH_RECORDS)):
                yield self._batch(chosen)

    def _batch(self, flows: list[Any]) -> FlowBatch:
        columns = {column.name: _column(flows, column.name) for column in _COPIED}
        stitched = np.array([self._stitch(flow) for flow in flows], np.int64).reshape(-1, 3)
        packets, left_out = self._packets(flows)
        columns[UID.name], columns[SLICE.name] = stitched[:, 0], stitched[:, 1]
        columns[IS_FINAL.name] = np.ones(len(flows), bool)
        columns[COVERED_UNTIL_MS.name] = np.array([self._covered_until(flow) for flow in flows])
        columns[GAP_BEFORE.name] = np.zeros(len(flows), bool)
        columns[GAP_AFTER.name] = left_out
        return flow_batch(columns, packets, stitched[:, 2] == 1)

    def _stitch(self, flow: Any) -> tuple[int, int, int]:
        """Give uid, slice and whether the sender is not that of the first slice.

        Only flows that were cut by the active timeout are remembered, each until its next slice, which is
        sure to come: it began with the packet that cut.
        """
        sender = (flow.src_ip, flow.src_port)
        ends = frozenset((sender, (flow.dst_ip, flow.dst_port)))
        key = (ends, flow.protocol, flow.vlan_id, flow.tunnel_id)
        known = self._open_slices.pop(key, None)
        uid, number, first_sender = known or (self._flows, 0, sender)
        self._flows += known is None
        if flow.expiration_id == _ACTIVE:
            self._open_slices[key] = (uid, number + 1, first_sender)
        return uid, number, int(sender != first_sender)

    def _covered_until(self, flow: Any) -> int:
        if flow.expiration_id == _ACTIVE:
            return int(flow.bidirectional_first_seen_ms) + SLICE_S * 1000
        return int(flow.bidirectional_last_seen_ms) + SLICE_S * 1000

    def _packets(self, flows: list[Any]) -> tuple[PacketSequences, NDArray[np.bool_]]:
        """Payload packets of each flow, and whether its sequence ended before its payload did."""
        times, sizes = [], []
        for flow in flows:
            length = min(flow.bidirectional_packets, self._splt_packets)
            size = np.array(flow.splt_ps[:length], np.int32)
            time = flow.bidirectional_first_seen_ms + np.cumsum(
                np.array(flow.splt_piat_ms[:length], np.int64)
            )
            has_payload = size > 0
            signs = 1 - 2 * np.array(flow.splt_direction[:length], np.int32)
            times.append(time[has_payload])
            sizes.append((size * signs)[has_payload])
        counts = np.array([len(size) for size in sizes], np.int64)
        kept = np.array([int(np.abs(size).sum()) for size in sizes])
        total = np.array([flow.bidirectional_bytes for flow in flows])
        sequences = PacketSequences.from_counts(counts, np.concatenate(times), np.concatenate(sizes))
        return sequences, total > kept


def _column(flows: list[Any], name: str) -> NDArray[Any]:
    if name in _EVIDENCE and not hasattr(flows[0], name):
        return np.zeros(len(flows), "S1")
    values = [getattr(flow, name) for flow in flows]
    return np.array([value.encode() for value in values] if name in _TEXTS else values)


@contextmanager
def _running(streamer: Iterable[Any], path: Path) -> Iterator[Iterator[Any]]:
    """Iterate over NFStreamer's flows and leave no trace of it, however the block is left.

    NFStreamer forks its meter, swallows Ctrl-C, and pins the calling process to its first processors.
    """
    processors, others = os.sched_getaffinity(0), set(active_children())
    stream = cast("Generator[Any, None, None]", iter(streamer))
    with _told_interrupts() as told:
        try:
            yield _flows(stream, path, told, processors)
        finally:
            _stop(stream, set(active_children()) - others)
            os.sched_setaffinity(0, processors)


def _flows(
    stream: Generator[Any, None, None], path: Path, told: list[int], processors: set[int]
) -> Iterator[Any]:
    try:
        for number, flow in enumerate(stream):
            if not number:
                os.sched_setaffinity(0, processors)
            if told:
                break
            yield flow
    except ValueError as error:  # what its meter process reports
        raise CaptureError(f"{path}: NFStream cannot read it: {error}") from error
    if told:
        raise KeyboardInterrupt


def _stop(stream: Generator[Any, None, None], forked: Iterable[BaseProcess]) -> None:
    """End a stream that was not read to its end: NFStreamer ends its processes on an interrupt.

    It asks them to end, and waits. One that has inherited a handler for that signal, and waits itself for
    somebody to take the flows that it still has, would never end: so they are ended by force first.
    """
    for process in forked:
        process.kill()
    try:
        stream.throw(KeyboardInterrupt)
    except (StopIteration, KeyboardInterrupt):
        return


@contextmanager
def _told_interrupts() -> Iterator[list[int]]:
    """Note every SIGINT, because NFStreamer ends on it as if its file had ended."""
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield told
        return

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        told.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield told
    finally:
        signal.signal(signal.SIGINT, before)
