"""The packet loop in C with its open flows, seen from Python: settings in, batches of engine records out."""

import secrets
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.capture.dissection import Dissection, Dissector
from flowml.capture.engine import Engine
from flowml.capture.extension import extension
from flowml.capture.header_ring import FILE_HEADER, HeaderRingSettings
from flowml.capture.inputs import Capture, PlainFile, keep_freed_memory
from flowml.capture.settings import PAYLOAD_ACCOUNTING, WHOLE, MeterSettings, Shard
from flowml.errors import CaptureError

_FLOW_FIELDS = (
    "splt_direction", "splt_ps", "splt_piat_ms", "app_protocol", "detection_completed", "ndpi_flow",
)  # fmt: skip
BATCH_RECORDS = 8192
MAX_DISSECTIONS = 150_000
"""Flows of which nDPI keeps something at the same time: of a million open flows that is 0.5 GB of 2.2 GB."""
MOMENT_PACKETS = 1 << 18
"""Packets of a file between two moments: a tenth of a second, after which Python looks at signals, too."""


@dataclass(frozen=True)
class EngineBatch:
    """Records as the engine gives them.

    Attributes
    ----------
    records : ndarray of `EngineLayout.record`, shape (n,)
        Beginnings of struct nf_flow.
    facts : mapping of str to ndarray of int64, each of shape (n,)
        What the loop adds: uid, slice, ending, covered_until_ms, payload_packets, gap_before, swapped.
    time_ms : ndarray of int64, shape (facts["payload_packets"].sum(),)
    size_bytes : ndarray of int32, of the same shape
        Payload packets of one record after another, negative where the slice's destination sent them.
    splt : ndarray of structures, shape (n,)
        NFStream's own sequences, if asked for.
    """

    records: NDArray[Any]
    facts: dict[str, NDArray[np.int64]]
    time_ms: NDArray[np.int64]
    size_bytes: NDArray[np.int32]
    splt: NDArray[Any]

    def __len__(self) -> int:
        return len(self.records)


class PacketLoop:
    """Open flows and the loop that feeds them.

    Parameters
    ----------
    engine : Engine
    settings : MeterSettings
    accounting_mode : int
        NFStream's accounting mode; sizes in records follow it, payload packets do not.
    splt_packets : int
        Length of NFStream's own sequences, 0 for none.
    shard : Shard
        Whose flows are metered. All packets drive the clock.
    dissection : Dissection
    headers : HeaderRingSettings, optional
        What to keep of the packets of interfaces; by default nothing.

    Raises
    ------
    CaptureError
        The extension was not compiled.
    """

    def __init__(  # noqa: PLR0913 - two of them are for comparisons with NFStream alone
        self,
        engine: Engine,
        settings: MeterSettings,
        *,
        accounting_mode: int = PAYLOAD_ACCOUNTING,
        splt_packets: int = 0,
        shard: Shard = WHOLE,
        dissection: Dissection = Dissection.NAMES,
        headers: HeaderRingSettings | None = None,
    ) -> None:
        module = extension()
        if module is None:
            raise CaptureError(
                "the packet loop is not compiled, live metering needs it; install a C compiler "
                "(apt install gcc python3-dev) and flowml again"
            )
        self.status: Any = module
        self._record = engine.layout.record
        self._splt = np.dtype(
            [("piat_ms", "i8", splt_packets), ("ps", "i4", splt_packets), ("direction", "i1", splt_packets)]
        )
        self._facts, self._counters = tuple(module.FACT_FIELDS), tuple(module.COUNTER_FIELDS)
        self._dissector = Dissector(engine, settings.n_dissections, dissection)
        values = {
            "n_dissections": settings.n_dissections,
            "dissector": self._dissector.address,
            "accounting_mode": accounting_mode,
            "splt_packets": splt_packets,
            "idle_timeout_ms": settings.idle_timeout_s * 1000,
            "active_timeout_ms": settings.active_timeout_s * 1000,
            "history_packets": settings.history_packets,
            "max_flows": settings.max_flows,
            "max_dissections": MAX_DISSECTIONS,
            "shards": shard.count,
            "shard": shard.number,
            "only_protocol": shard.protocol,
            "dissection_bytes": engine.ffi.sizeof("struct ndpi_flow_struct"),
            "waits_for_payload": dissection is Dissection.NAMES_OF_PAYLOAD,
            "kept_bytes": 0 if headers is None else headers.kept_bytes,
            "kept_payload": headers is not None and headers.snaplen_bytes is not None,
            "kept_room": 0 if headers is None else headers.file_bytes - FILE_HEADER.size,
            **_layout(engine),
        }
        self._table = module.FlowTable(
            _words(values[name] for name in module.CONFIG_FIELDS),
            _words(1000 * age for age in settings.snapshot_ages_s),
            _words(settings.snapshot_packets),
        )
        self._ignored = np.dtype(
            [("captured_bytes", "u4"), ("link_type", "u4"), ("head", "u1", module.IGNORED_HEAD)]
        )
        self._next_moment = MOMENT_PACKETS

    def open_plain(self, path: Path) -> PlainFile:
        """Open a pcap file that the loop reads by itself: what is plainly not in its shard costs little then.

        Raises
        ------
        CaptureError
            It cannot be read.
        """
        file = PlainFile(path)
        if not self._table.open_plain(*file.layout):
            file.close()
            raise CaptureError(f"{path}: libpcap cannot read it; look at it with capinfos")
        keep_freed_memory()
        return file

    def run_file(self, capture: Capture | PlainFile) -> int:
        """Meter packets of a file until a batch is full, the file ends, or the next moment is there.

        Moments are at every so many packets of the file (`MOMENT_PACKETS`), however many batches it takes and
        whatever shard of the flows is metered.
        """
        counters = self.counters()
        left = self._next_moment - counters["packets"] - counters["ignored"]
        status = int(self._table.run_file(capture.address, left))
        if status == self.status.DEADLINE:
            self._next_moment += MOMENT_PACKETS
        return status

    def run_live(self, captures: Sequence[Capture], deadline_s: float) -> int:
        """Meter packets of interfaces until a batch is full or `time.monotonic` reaches `deadline_s`."""
        pairs = b"".join(struct.pack("QQ", capture.address, capture.descriptor) for capture in captures)
        return int(self._table.run_live(pairs, int(deadline_s * 1000)))

    def flush(self, *, is_end_of_file: bool) -> bool:
        """Close open flows, as many as a batch holds; give whether there are more."""
        return bool(self._table.flush(is_end_of_file) != self.status.END_OF_FILE)

    def restart_clock(self) -> None:
        """Let time begin anew; no flow may be open."""
        self._table.restart_clock()

    def take(self) -> EngineBatch:
        """Give what has been recorded since the last time."""
        records, facts, times, sizes, splt = self._table.take()
        table = np.frombuffer(facts, np.int64).reshape(-1, len(self._facts))
        return EngineBatch(
            np.frombuffer(records, self._record),
            {name: table[:, place] for place, name in enumerate(self._facts)},
            np.frombuffer(times, np.int64),
            np.frombuffer(sizes, np.int32),
            np.frombuffer(splt, self._splt) if splt else np.zeros(0, self._splt),
        )

    def take_ignored(self) -> NDArray[Any]:
        """Give the beginnings of the packets of interfaces that the engine left out since the last time.

        Returns
        -------
        ndarray of structures, shape (n,)
            `captured_bytes`, `link_type` and `head`, which is shorter than the packet may be.
        """
        return np.frombuffer(self._table.take_ignored(), self._ignored)

    def take_headers(self) -> bytes:
        """Give what was kept of the packets of interfaces since the last time, as records of a pcap file."""
        return bytes(self._table.take_headers())

    def counters(self) -> dict[str, int]:
        """Packets, ignored, evicted, open flows and the like since the start."""
        values = np.frombuffer(self._table.counters(), np.int64)
        return dict(zip(self._counters, values.tolist(), strict=True))

    def close(self) -> None:
        """Free all flows, without a record, and nDPI."""
        self._table.clear()
        self._dissector.close()


def _words(values: Iterable[int]) -> bytes:
    return np.fromiter(values, np.uint64).tobytes()


def _layout(engine: Engine) -> dict[str, int]:
    layout = engine.layout
    return {
        **layout.addresses,
        "batch_records": BATCH_RECORDS,
        "hash_seed": secrets.randbits(64),
        "packet_bytes": layout.packet_bytes,
        "record_bytes": layout.record.itemsize,
        **{f"packet_{name}": offset for name, offset in layout.packet_offsets.items()},
        "flow_first_seen": layout.flow_offsets["bidirectional_first_seen_ms"],
        **{f"flow_{name}": layout.flow_offsets[name] for name in _FLOW_FIELDS},
    }
