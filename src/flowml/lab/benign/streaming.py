"""Audio and video: segments that are fetched every few seconds, and radio that never ends.

HLS and DASH fetch a segment of 2 to 10 s of sound or picture over one connection, in the order of a playlist
that is fetched between them for live programmes (RFC 8216); radio is one answer without end at 16 to 128
kbit/s. Rates are those of sound and of small pictures: the wire of the lab is written in Python.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http_messages import request, response
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import LARGEST_BYTES

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "is_radio": bool(rng.random() < 0.3),
        "segment_s": float(rng.choice([2.0, 4.0, 6.0, 10.0])),
        "segment_bytes": int(rng.integers(8_000, LARGEST_BYTES)),
        "segment_sigma": float(rng.choice([0.02, 0.3])),
        "is_live": bool(rng.random() < 0.5),
        "playlist_bytes": int(rng.integers(200, 1500)),
        "chunk_bytes": int(rng.choice([417, 1400, 4096])),
        "chunk_s": float(rng.choice([0.25, 0.5, 1.0])),
        "fields_bytes": int(rng.integers(40, 700)),
        "pause_s": float(rng.choice([0.0, 0.0, 20.0])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            head = await peer.reader.readuntil(b"\r\n\r\n")
            if drawn["is_radio"]:
                await _broadcast(peer, drawn["chunk_bytes"], drawn["chunk_s"], rng)
            n_bytes = drawn["playlist_bytes"]
            if b".m3u8" not in head:
                n_bytes = int(drawn["segment_bytes"] * rng.lognormal(0.0, drawn["segment_sigma"]))
            await peer.send(response(rng.bytes(min(n_bytes, 2 * LARGEST_BYTES))))

    await site.listen(attend)


async def _broadcast(peer: Peer, chunk_bytes: int, chunk_s: float, rng: Generator) -> None:
    await peer.send(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-metaint: 16000\r\n\r\n")
    await peer.send(rng.bytes(LARGEST_BYTES))  # fills the player's buffer
    while True:
        await asyncio.sleep(chunk_s)
        await peer.send(rng.bytes(chunk_bytes))


async def _visit(site: Site, rng: Generator) -> None:
    drawn, host = site.parameters, site.server_name()
    fields = f"User-Agent: {text_of(drawn['fields_bytes'], 0, rng)}\r\n"
    async with site.connected() as peer:
        if drawn["is_radio"]:
            await peer.send(request("GET", host, "/stream", b"", fields))
            while await peer.reader.read(65536):
                pass
        for number in range(100_000):
            if drawn["is_live"]:
                await peer.send(request("GET", host, "/live.m3u8", b"", fields))
                await peer.http_body()
            await peer.send(request("GET", host, f"/segment{number}.m4s", b"", fields))
            await peer.http_body()
            await asyncio.sleep(drawn["segment_s"] * rng.uniform(0.95, 1.05))
            if rng.random() < 0.02:
                await asyncio.sleep(drawn["pause_s"])


_STREAMING = Actor("streaming", "streaming", _draw, _serve, _visit, ports=(80, 8000), clients=(1, 2))
ACTORS = (_STREAMING, over_tls(_STREAMING, (443,)))
