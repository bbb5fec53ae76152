"""Small real objects for tests: packets, and the records that a meter makes of them."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowml.flows.batch import FlowBatch
from flowml.flows.packets import PacketSequences
from flowml.schema import (
    COVERED_UNTIL_MS,
    DST_ACK,
    DST_FIN,
    DST_IP,
    DST_PACKETS,
    DST_PORT,
    DST_SYN,
    FIRST_SEEN_MS,
    GAP_AFTER,
    GAP_BEFORE,
    LAST_SEEN_MS,
    PACKETS,
    PROTOCOL,
    RECORD_COLUMNS,
    RST,
    SRC_ACK,
    SRC_FIN,
    SRC_IP,
    SRC_PACKETS,
    SRC_PORT,
    SRC_SYN,
    UID,
    Column,
)


@dataclass(frozen=True)
class Packet:
    """One packet of a connection as its client sees it; size 0 is a bare acknowledgement or a flag."""

    time_ms: int
    from_client: bool
    size_bytes: int = 0
    flags: str = "A"


@dataclass(frozen=True)
class Ends:
    """Endpoints of a connection."""

    client_ip: str = "10.0.0.2"
    client_port: int = 40000
    server_ip: str = "198.51.100.7"
    server_port: int = 3333


def record(
    packets: Sequence[Packet], ends: Ends = Ends(), *, uid: int = 0, covered_ms: int | None = None
) -> dict[Column, Any]:
    """What a meter reports of consecutive packets: its source is the sender of the first one."""
    flipped = not packets[0].from_client
    client, server = (ends.client_ip, ends.client_port), (ends.server_ip, ends.server_port)
    (src_ip, src_port), (dst_ip, dst_port) = (server, client) if flipped else (client, server)

    def count(from_source: bool, flag: str) -> int:
        return sum((p.from_client != flipped) == from_source and flag in p.flags for p in packets)

    return {
        UID: uid,
        SRC_IP: src_ip.encode(),
        DST_IP: dst_ip.encode(),
        SRC_PORT: src_port,
        DST_PORT: dst_port,
        PROTOCOL: 6,
        FIRST_SEEN_MS: packets[0].time_ms,
        LAST_SEEN_MS: packets[-1].time_ms,
        COVERED_UNTIL_MS: packets[-1].time_ms if covered_ms is None else covered_ms,
        GAP_BEFORE: False,
        GAP_AFTER: False,
        PACKETS: len(packets),
        SRC_PACKETS: count(True, ""),
        DST_PACKETS: count(False, ""),
        SRC_SYN: count(True, "S"),
        DST_SYN: count(False, "S"),
        SRC_ACK: count(True, "A"),
        DST_ACK: count(False, "A"),
        SRC_FIN: count(True, "F"),
        DST_FIN: count(False, "F"),
        RST: count(True, "R") + count(False, "R"),
    }


def batch(records: Iterable[tuple[dict[Column, Any], Sequence[Packet]]]) -> FlowBatch:
    """A batch of records, each with the packets it was made of."""
    rows = list(records)
    columns = {
        column.name: np.array([row.get(column, 0) for row, _ in rows], column.numpy_dtype)
        if column.numpy_dtype.kind != "S"
        else np.array([row.get(column, b"") for row, _ in rows], column.numpy_dtype)
        for column in RECORD_COLUMNS
    }
    counts, times, sizes = [], [], []
    for _, packets in rows:
        first = packets[0].from_client
        payload = [p for p in packets if p.size_bytes]
        counts.append(len(payload))
        times += [p.time_ms for p in payload]
        sizes += [p.size_bytes if p.from_client == first else -p.size_bytes for p in payload]
    sequences = PacketSequences.from_counts(
        np.array(counts, np.int64), np.array(times, np.int64), np.array(sizes, np.int32)
    )
    return FlowBatch(columns, sequences)


def slices(packets: Sequence[Packet], cuts: Sequence[int], ends: Ends = Ends()) -> FlowBatch:
    """Cut the packets before each index in `cuts` and make one record of each piece."""
    edges = sorted({0, len(packets), *(cut for cut in cuts if 0 < cut < len(packets))})
    pieces = [packets[a:b] for a, b in itertools.pairwise(edges)]
    rows = []
    for number, piece in enumerate(pieces):
        following = pieces[number + 1][0].time_ms if number + 1 < len(pieces) else piece[-1].time_ms
        rows.append((record(piece, ends, uid=number + 1, covered_ms=following), piece))
    return batch(rows)


def miner(
    minutes: float = 10.0, *, start_ms: int = 1_700_000_000_000, handshake: bool = True, seed: int = 1
) -> list[Packet]:
    """A Monero miner's connection: handshake, login, jobs, shares and their answers, acknowledgements."""
    rng = np.random.default_rng(seed)
    packets = [Packet(0, True, 0, "S"), Packet(20, False, 0, "SA"), Packet(40, True)] if handshake else []
    packets += [Packet(50, True, 500, "AP"), Packet(75, False, 420, "AP"), Packet(76, True)]
    events = [(float(t), "job") for t in np.cumsum(rng.exponential(40, 100)) if t < minutes * 60]
    events += [(float(t), "share") for t in np.cumsum(rng.exponential(12, 200)) if t < minutes * 60]
    for at_s, what in sorted(events):
        at = 1000 + int(at_s * 1000)
        if what == "job":
            packets += [Packet(at, False, 378, "AP"), Packet(at + 1, True)]
        else:
            packets += [Packet(at, True, 186, "AP"), Packet(at + 30, False, 64, "AP"), Packet(at + 31, True)]
    packets.sort(key=lambda p: p.time_ms)
    return [Packet(start_ms + p.time_ms, p.from_client, p.size_bytes, p.flags) for p in packets]
