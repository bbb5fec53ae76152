"""A database's pool of connections: PostgreSQL-like questions of jobs that poll and of idle probes."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_READY = b"Z\x00\x00\x00\x05I"  # ReadyForQuery, idle (PostgreSQL protocol 3.0)


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [1.0, 5.0, 10.0, 30.0, 60.0]),
        "query_bytes": int(rng.choice([8, 30, 120, 180, 700])),
        "query_spread_bytes": int(rng.choice([0, 0, 2, 60])),
        "rows": int(rng.choice([0, 1, 1, 5, 40])),
        "row_bytes": int(rng.integers(4, 250)),
        "rows_vary": bool(rng.random() < 0.4),
        "think_s": float(rng.uniform(0.0005, 0.1)),
    }


def framed(kind: bytes, body: bytes) -> bytes:
    """Build a message: its kind, its length with the length itself, its body."""
    return kind + struct.pack(">I", len(body) + 4) + body


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await _read(peer)
        await peer.send(framed(b"R", bytes(4)) + framed(b"S", b"server_version\x0015.6\x00") * 8 + _READY)
        while True:
            await _read(peer)
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            n_rows = int(rng.poisson(drawn["rows"])) if drawn["rows_vary"] else drawn["rows"]
            rows = b"".join(framed(b"D", rng.bytes(drawn["row_bytes"])) for _ in range(n_rows))
            await peer.send(framed(b"T", bytes(26)) + rows + framed(b"C", b"SELECT 1\x00") + _READY)

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await peer.send(framed(b"p", rng.bytes(int(rng.integers(40, 110)))))
        await _read_until_ready(peer)
        while True:
            n_bytes = drawn["query_bytes"] + int(rng.integers(0, drawn["query_spread_bytes"] + 1))
            await peer.send(framed(b"Q", rng.bytes(n_bytes) + b"\0"))
            await _read_until_ready(peer)
            await pause(drawn, rng)


async def _read(peer: Peer) -> bytes:
    head = await peer.exactly(5)
    await peer.exactly(int.from_bytes(head[1:], "big") - 4)
    return head[:1]


async def _read_until_ready(peer: Peer) -> None:
    while await _read(peer) != b"Z":
        pass


_DATABASE = Actor("database", "database", _draw, _serve, _visit, ports=(5432,), clients=(3, 8))
ACTORS = (_DATABASE, over_tls(_DATABASE, (5432, 5433)))
