"""The packet loop in C with its open flows, seen from Python: settings in, batches of engine records out."""

import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.capture.engine import Dissector, Engine
from flowml.capture.extension import extension
from flowml.capture.inputs import Capture
from flowml.capture.settings import PAYLOAD_ACCOUNTING, MeterSettings
from flowml.errors import CaptureError

_FLOW_FIELDS = ("splt_direction", "splt_ps", "splt_piat_ms", "app_protocol", "detection_completed")
BATCH_RECORDS = 8192
BUDGET_PACKETS = 1 << 19  # packets of a file between two looks at Python's signals: about half a second


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

    Raises
    ------
    CaptureError
        The extension was not compiled.
    """

    def __init__(
        self,
        engine: Engine,
        settings: MeterSettings,
        *,
        accounting_mode: int = PAYLOAD_ACCOUNTING,
        splt_packets: int = 0,
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
        self._dissector = Dissector(engine, settings.n_dissections)
        values = {
            "n_dissections": settings.n_dissections,
            "dissector": self._dissector.address,
            "accounting_mode": accounting_mode,
            "splt_packets": splt_packets,
            "idle_timeout_ms": settings.idle_timeout_s * 1000,
            "active_timeout_ms": settings.active_timeout_s * 1000,
            "history_packets": settings.history_packets,
            "max_flows": settings.max_flows,
            **_layout(engine),
        }
        ages_ms = struct.pack(
            f"{len(settings.snapshot_ages_s)}Q", *(1000 * age for age in settings.snapshot_ages_s)
        )
        config = struct.pack(
            f"{len(module.CONFIG_FIELDS)}Q", *(values[name] for name in module.CONFIG_FIELDS)
        )
        self._table = module.FlowTable(config, ages_ms)

    def run_file(self, capture: Capture) -> int:
        """Meter packets of a file until a batch is full, the file ends, or `BUDGET_PACKETS` are done."""
        return int(self._table.run_file(capture.address, BUDGET_PACKETS))

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

    def counters(self) -> dict[str, int]:
        """Packets, ignored, evicted, open flows and the like since the start."""
        values = np.frombuffer(self._table.counters(), np.int64)
        return dict(zip(self._counters, values.tolist(), strict=True))

    def close(self) -> None:
        """Free all flows, without a record, and nDPI."""
        self._table.clear()
        self._dissector.close()


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
