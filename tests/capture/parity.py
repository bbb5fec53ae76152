"""Flow by flow, field by field: NFStreamer against the packet loop around the same engine.

Run over a folder: ``python -m tests.capture.parity FOLDER``.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from nfstream import NFStreamer

from flowml.capture.dissection import Dissection
from flowml.capture.engine import Engine
from flowml.capture.inputs import open_file
from flowml.capture.loop import EngineBatch, PacketLoop
from flowml.capture.records import standard_deviations, until_nul
from flowml.capture.settings import MeterSettings
from flowml.capture.sources import open_capture
from flowml.errors import CaptureError

# fields of struct nf_flow that NFStream shows under another name
SHOWN_AS = {
    "category_name": "application_category_name", "guessed": "application_is_guessed",
    "confidence": "application_confidence", "c_hash": "client_fingerprint", "s_hash": "server_fingerprint",
    "src_ip_str": "src_ip", "dst_ip_str": "dst_ip", "src_mac_str": "src_mac", "dst_mac_str": "dst_mac",
}  # fmt: skip
HIDDEN = {"src_ip", "dst_ip", "src_mac", "dst_mac", "splt_closed", "detection_completed"}
NUMBERS = {"uint8_t": "u1", "uint16_t": "u2", "unsigned int": "u4", "uint64_t": "u8", "double": "f8"}
ENDINGS = {0: 0, 1: 1, 4: 0}  # the loop's ending: NFStream's expiration_id
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One way to meter a file."""

    n_dissections: int = 0
    accounting_mode: int = 0
    splt_packets: int = 0
    idle_timeout_s: int = 120
    active_timeout_s: int = 1800
    bpf_filter: str = ""


CASES = (
    Case(splt_packets=32),
    Case(n_dissections=20, accounting_mode=3, splt_packets=255),
    Case(accounting_mode=3, idle_timeout_s=3, active_timeout_s=10),
    Case(n_dissections=20, accounting_mode=1, idle_timeout_s=1, active_timeout_s=1, splt_packets=1),
    Case(n_dissections=1, accounting_mode=2, bpf_filter="tcp port 443 or udp"),
    Case(n_dissections=20, idle_timeout_s=5, active_timeout_s=20, bpf_filter="ip6 or tcp"),
)


def whole_engine() -> Engine:
    """An engine whose records hold every field of struct nf_flow that is a number or text."""
    engine = Engine()
    kinds: dict[str, tuple[str, int]] = {}
    for name, field in engine.ffi.typeof("struct nf_flow").fields:
        kind = field.type.cname
        if kind.startswith("char["):
            kinds[name] = (f"S{kind[5:-1]}", field.offset)
        elif kind in NUMBERS or name == "confidence":
            kinds[name] = (NUMBERS.get(kind, "u4"), field.offset)
    size = engine.ffi.sizeof("struct nf_flow")
    formats, offsets = [kind for kind, _ in kinds.values()], [offset for _, offset in kinds.values()]
    record = np.dtype({"names": list(kinds), "formats": formats, "offsets": offsets, "itemsize": size})
    engine.layout = replace(engine.layout, record=record)
    return engine


def reference_rows(path: Path, case: Case) -> list[Row]:
    """Every flow of NFStreamer with every key but its number."""
    streamer = NFStreamer(
        source=str(path),
        idle_timeout=case.idle_timeout_s,
        active_timeout=case.active_timeout_s,
        accounting_mode=case.accounting_mode,
        n_dissections=case.n_dissections,
        splt_analysis=case.splt_packets,
        bpf_filter=case.bpf_filter or None,
        statistical_analysis=True,
        n_meters=1,
    )
    rows = [dict(zip(flow.keys(), flow.values(), strict=True)) for flow in streamer]
    for row in rows:
        del row["id"]
        for name in ("application_is_guessed", "application_confidence"):
            if name in row:
                row[name] = int(row[name])
    return rows


def loop_rows(path: Path, case: Case, engine: Engine) -> list[Row]:
    """Every record of the packet loop under NFStream's keys."""
    settings = MeterSettings(
        idle_timeout_s=case.idle_timeout_s,
        active_timeout_s=case.active_timeout_s,
        n_dissections=case.n_dissections,
        snapshot_ages_s=(),
    )
    loop = PacketLoop(
        engine,
        settings,
        accounting_mode=case.accounting_mode,
        splt_packets=case.splt_packets,
        dissection=Dissection.EVERYTHING,
    )
    rows: list[Row] = []
    with closing(loop), closing(open_file(engine, str(path), case.bpf_filter)) as capture:
        status = loop.status.DEADLINE
        while status not in (loop.status.END_OF_FILE, loop.status.READ_FAILED):
            status = loop.run_file(capture)
            rows += _rows(loop.take(), case)
        more = True
        while more:
            more = loop.flush(is_end_of_file=True)
            rows += _rows(loop.take(), case)
    return rows


def _rows(batch: EngineBatch, case: Case) -> Iterator[Row]:
    finished = standard_deviations(batch.records)
    columns: dict[str, list[Any]] = {}
    for name in batch.records.dtype.names or ():
        if name not in HIDDEN:
            values = finished.get(name, batch.records[name])
            columns[SHOWN_AS.get(name, name)] = (
                [text.decode(errors="ignore") for text in until_nul(values).tolist()]
                if values.dtype.kind == "S"
                else values.tolist()
            )
    columns["expiration_id"] = [ENDINGS[ending] for ending in batch.facts["ending"].tolist()]
    for name in ("direction", "ps", "piat_ms") if case.splt_packets else ():
        columns[f"splt_{name}"] = batch.splt[name].tolist()
    names = list(columns)
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(names, row, strict=True))


def _order(row: Row) -> tuple[Any, ...]:
    names = (
        "bidirectional_first_seen_ms", "bidirectional_last_seen_ms", "src_ip", "dst_ip", "src_port",
        "dst_port", "protocol", "vlan_id", "tunnel_id", "bidirectional_packets", "bidirectional_bytes",
    )  # fmt: skip
    return tuple(row[name] for name in names)


def differences(path: Path, case: Case, engine: Engine) -> list[str]:
    """What differs between both meters on one file, in words; also how many flows agree."""
    expected = sorted(reference_rows(path, case), key=_order)
    got = sorted(loop_rows(path, case, engine), key=_order)
    if len(expected) != len(got):
        return [f"{len(got)} records, NFStreamer has {len(expected)}"]
    return [
        f"{name}: got {mine.get(name)!r}, NFStreamer has {value!r} ({_order(theirs)})"
        for theirs, mine in zip(expected, got, strict=True)
        for name, value in theirs.items()
        if mine.get(name) != value
    ]


def main(folder: Path) -> int:
    """Compare every capture of `folder`; print what differs, and the totals."""
    engine = whole_engine()
    totals: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.pcap*")):
        try:
            with open_capture(path, allow_partial=True) as source:
                for number, case in enumerate(CASES):
                    found = differences(source.readable_path, case, engine)
                    totals[f"case {number}: files"] += 1
                    totals[f"case {number}: files that differ"] += bool(found)
                    for line in found[:3]:
                        print(f"{path}: {case}: {line}", flush=True)
        except CaptureError as error:
            totals["refused"] += 1
            print(error, flush=True)
    print(dict(totals))
    return int(any(count for name, count in totals.items() if name.endswith("differ")))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
