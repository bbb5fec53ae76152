"""flowml's meter for interfaces: expires and reports by the clock, whether packets come or not."""

import errno
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from flowml.capture.engine import Engine
from flowml.capture.inputs import Capture, RingSettings, open_interface
from flowml.capture.loop import PacketLoop
from flowml.capture.offloads import offload_warning
from flowml.capture.records import from_engine
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch

ANY = "any"


@dataclass(frozen=True)
class LiveCounters:
    """Since the start of a live meter.

    Attributes
    ----------
    packets : int
        Packets in flows.
    ignored : int
        Packets of which no flow is made (ARP and the like, fragments, malformed).
    kernel_received, kernel_drops : int
        Packets that the kernel received for the meter, and those that did not fit into its ring.
    evicted_flows : int
        Flows that left because more than `max_flows` were open.
    open_flows : int
        Flows that are open now.
    """

    packets: int
    ignored: int
    kernel_received: int
    kernel_drops: int
    evicted_flows: int
    open_flows: int


class LiveMeter:
    """Meters one or more interfaces into one table of flows.

    Parameters
    ----------
    interfaces : sequence of str
        Names of interfaces; ``any`` for all at once.
    settings : MeterSettings
    ring : RingSettings
        The ring between kernel and meter, for each interface.
    bpf_filter : str
        Packets to meter, in libpcap's filter language; empty for all.

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
    ) -> None:
        if not interfaces:
            raise ValueError("no interface named")
        engine = Engine()
        self._names = tuple(interfaces)
        self._loop = PacketLoop(engine, settings)
        self._captures: list[Capture] = []
        try:
            for name in self._names:
                self._captures.append(open_interface(engine, name, ring or RingSettings(), bpf_filter))
        except CaptureError:
            self.close()
            raise
        self._indexes = [_index(name) for name in self._names]
        found = (offload_warning(name) for name in self._names if name != ANY)
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
            if ended == status.LINK_ERROR:
                self._require_link()
                continue
            if ended == status.READ_FAILED:
                name = self._names[self._loop.counters()["failed_input"]]
                raise CaptureError(f"{name}: libpcap gives no packets any more; start the sensor again")
            if ended == status.CLOCK_STEPPED_BACK:
                parts = list(self.flush())
                self._loop.restart_clock()
                return FlowBatch.concat(parts)
            return from_engine(self._loop.take())

    def _require_link(self) -> None:
        """Tell an interface that is down, which may come up again, from one that is gone."""
        counters = self._loop.counters()
        place, number = counters["failed_input"], counters["error_number"]
        name = self._names[place]
        if _index(name) != self._indexes[place]:
            raise CaptureError(f"{name}: the interface is gone; bring it back and start the sensor again")
        if number != errno.ENETDOWN:
            raise CaptureError(f"{name}: capture failed: {os.strerror(number)}; start the sensor again")

    @property
    def counters(self) -> LiveCounters:
        """What happened since the start."""
        counts = self._loop.counters()
        kernel = [capture.kernel_counters() for capture in self._captures]
        return LiveCounters(
            packets=counts["packets"],
            ignored=counts["ignored"],
            kernel_received=sum(received for received, _ in kernel),
            kernel_drops=sum(dropped for _, dropped in kernel),
            evicted_flows=counts["evicted"],
            open_flows=counts["open_flows"],
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


def _index(name: str) -> int:
    """The kernel's number of an interface, 0 for ``any`` and for what is gone."""
    if name == ANY:
        return 0
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0
