"""flowml's meter for interfaces: expires and reports by the clock, whether packets come or not."""

import errno
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from flowml.capture.census import why_ignored
from flowml.capture.dissection import Dissection
from flowml.capture.engine import Engine
from flowml.capture.header_ring import HeaderRingSettings
from flowml.capture.inputs import RING_TIMEOUT_MS, Capture, RingSettings, open_interface
from flowml.capture.links import index_of
from flowml.capture.loop import PacketLoop
from flowml.capture.offloads import offload_warning
from flowml.capture.records import from_engine
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch

DRAIN_S = 0.5  # for what the kernel holds back: its timeout, and the time to read a full ring


@dataclass(frozen=True)
class LiveCounters:
    """Since the start of a live meter.

    Attributes
    ----------
    packets : int
        Packets in flows.
    ignored : int
        Packets of which no flow is made (ARP and the like, fragments, malformed).
    ignored_by_reason : mapping of str to int
        The same by reason, in the words of `flowml.capture.census`.
    kernel_received, kernel_drops : int
        Packets that the kernel received for the meter, and those that did not fit into its ring.
    evicted_flows : int
        Flows that left because more than `max_flows` were open.
    open_flows : int
        Flows that are open now.
    lost_headers : int
        Headers that were to be kept and for which there was no room.
    """

    packets: int
    ignored: int
    ignored_by_reason: Mapping[str, int]
    kernel_received: int
    kernel_drops: int
    evicted_flows: int
    open_flows: int
    lost_headers: int = 0

    def figures(self) -> dict[str, int]:
        """All of them in one row: each reason stands beside the names."""
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        return numbers | dict(self.ignored_by_reason)


class LiveMeter:
    """Meters one or more interfaces into one table of flows.

    Parameters
    ----------
    interfaces : sequence of str
        Their names.
    settings : MeterSettings
    ring : RingSettings
        The ring between kernel and meter, for each interface.
    bpf_filter : str
        Packets to meter, in libpcap's filter language; empty for all.
    headers : HeaderRingSettings, optional
        Keep headers of an interface for `take_headers`; by default none.

    Attributes
    ----------
    warnings : tuple of str
        What makes the records worse than they could be, with the remedy.

    Raises
    ------
    CaptureError
        An interface cannot be captured, or the packet loop was not compiled.
    """

    def __init__(
        self,
        interfaces: Sequence[str],
        settings: MeterSettings,
        ring: RingSettings | None = None,
        bpf_filter: str = "",
        headers: HeaderRingSettings | None = None,
    ) -> None:
        if not interfaces:
            raise ValueError("no interface named")
        if headers is not None and len(interfaces) > 1:
            raise ValueError("headers are kept of one interface")  # a file has one link layer
        engine = Engine()
        self._names = tuple(interfaces)
        self._loop = PacketLoop(engine, settings, dissection=Dissection.NAMES_OF_PAYLOAD, headers=headers)
        self._captures: list[Capture] = []
        self._ignored: Counter[str] = Counter()
        self._kept = 0  # headers that were taken
        try:
            for name in self._names:
                self._captures.append(open_interface(engine, name, ring or RingSettings(), bpf_filter))
        except CaptureError:
            self.close()
            raise
        self._indexes = [index_of(name) for name in self._names]
        found = (offload_warning(name) for name in self._names)
        self.warnings = tuple(warning for warning in found if warning)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def poll(self, timeout_s: float) -> FlowBatch:
        """Meter for up to `timeout_s` seconds.

        Parameters
        ----------
        timeout_s : float
            Python's signal handlers run when it is over; a second at most is a good choice.

        Returns
        -------
        FlowBatch
            What ended or was due for a report; often empty. Returned earlier when a batch is full or a
            signal came.

        Raises
        ------
        CaptureError
            An interface is gone. Open flows are still there: `flush` gives them.
        """
        deadline_s, status = time.monotonic() + timeout_s, self._loop.status
        while True:
            ended = self._loop.run_live(self._captures, deadline_s)
            self._ask_why_ignored()
            if ended == status.LINK_ERROR:
                self._require_no_error()
                continue
            if ended == status.READ_FAILED:
                name = self._names[self._loop.counters()["failed_input"]]
                raise CaptureError(f"{name}: libpcap gives no packets any more; start the sensor again")
            if ended == status.CLOCK_STEPPED_BACK:
                parts = list(self.flush())
                self._loop.restart_clock()
                return FlowBatch.concat(parts)
            if ended == status.DEADLINE:
                self._require_links()  # libpcap may have taken the error that told of it
            return from_engine(self._loop.take())

    def take_headers(self) -> tuple[int, bytes]:
        """Give headers that were kept since the last time: how many, and records of a pcap file."""
        records, kept = self._loop.take_headers(), self._loop.counters()["kept_headers"]
        packets, self._kept = kept - self._kept, kept
        return packets, records

    @property
    def link_type(self) -> int:
        """Link layer of the first interface, as capture files name it."""
        return self._captures[0].link_type

    def _ask_why_ignored(self) -> None:
        packets = self._loop.take_ignored()
        for link_type in np.unique(packets["link_type"]):
            mine = packets[packets["link_type"] == link_type]
            heads = np.ascontiguousarray(mine["head"])
            self._ignored += why_ignored(heads, mine["captured_bytes"], int(link_type))

    def drain(self) -> Iterator[FlowBatch]:
        """Meter the packets that came before this call and that the kernel still holds; let no other in.

        Yields
        ------
        FlowBatch
            What ended or was due for a report; `flush` gives what is open.
        """
        for capture in self._captures:
            capture.refuse_more()
        deadline_s = time.monotonic() + DRAIN_S
        while self._is_held_back() and time.monotonic() < deadline_s:
            yield self.poll(RING_TIMEOUT_MS / 2000)

    def _is_held_back(self) -> bool:
        counters = self.counters
        read = counters.packets + counters.ignored
        return read < counters.kernel_received - counters.kernel_drops

    def _require_no_error(self) -> None:
        """Tell an interface that is down, which may come up again, from one that is gone."""
        self._require_links()
        counters = self._loop.counters()
        name, number = self._names[counters["failed_input"]], counters["error_number"]
        if number != errno.ENETDOWN:
            raise CaptureError(f"{name}: capture failed: {os.strerror(number)}; start the sensor again")

    def _require_links(self) -> None:
        for name, index in zip(self._names, self._indexes, strict=True):
            if index_of(name) != index:
                raise CaptureError(f"{name}: the interface is gone; bring it back and start the sensor again")

    @property
    def counters(self) -> LiveCounters:
        """What happened since the start."""
        counts = self._loop.counters()
        kernel = [capture.kernel_counters() for capture in self._captures]
        return LiveCounters(
            packets=counts["packets"],
            ignored=counts["ignored"],
            ignored_by_reason=dict(self._ignored.most_common()),
            kernel_received=sum(received for received, _ in kernel),
            kernel_drops=sum(dropped for _, dropped in kernel),
            evicted_flows=counts["evicted"],
            open_flows=counts["open_flows"],
            lost_headers=counts["lost_headers"],
        )

    def flush(self) -> Iterator[FlowBatch]:
        """Close all open flows.

        Yields
        ------
        FlowBatch
            Their last records, some thousand each.
        """
        more = True
        while more:
            more = self._loop.flush(is_end_of_file=False)
            batch = self._loop.take()
            if len(batch):
                yield from_engine(batch)

    def close(self) -> None:
        """Close the interfaces and free all flows that are still open, without a record."""
        for capture in self._captures:
            capture.close()
        self._loop.close()
