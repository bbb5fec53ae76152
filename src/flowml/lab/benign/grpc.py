"""gRPC: streams of messages in HTTP/2 frames, with pings that keep the connection alive.

Frames (RFC 9113): a head of 9 bytes; SETTINGS, HEADERS, DATA, WINDOW_UPDATE of 4 bytes and PING of 8, each
ping acknowledged with one of its size. A message stands behind five bytes (gRPC over HTTP/2,
PROTOCOL-HTTP2). Keep-alive pings are at least 10 s apart, often 30 to 300 s; received data is measured with
a ping as well (BDP). Bidirectional streams, a stream that the server fills, and calls one by one: wallets
with a light server (compact blocks), telemetry, service meshes with their configuration.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http2 import (
    ACK,
    DATA,
    HEADERS,
    PING,
    PREFACE,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    ping,
    read_frame,
)
from flowml.lab.benign.sizes import SPREADS, log_uniform, size_of
from flowml.lab.rhythm import pause_s, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "calls_s": float(rng.choice([0.0, 2.0, 10.0, 30.0, 75.0])),
        "calls_rhythm": str(rng.choice(["steady", "jittered", "random", "bursty"])),
        "is_stream": bool(rng.random() < 0.6),
        "call_bytes": int(log_uniform(rng, 4, 1200)),
        "call_spread": str(rng.choice(SPREADS)),
        "answer_bytes": int(log_uniform(rng, 4, 6000)),
        "answer_spread": str(rng.choice(SPREADS)),
        "answers": bool(rng.random() < 0.8),
        "think_s": round(log_uniform(rng, 0.001, 1.0), 4),
        "push_s": float(rng.choice([0.0, 1.0, 12.0, 60.0, 75.0])),
        "push_rhythm": str(rng.choice(["steady", "random", "bursty"])),
        "push_bytes": int(log_uniform(rng, 20, 3000)),
        "push_spread": str(rng.choice(SPREADS)),
        "ping_s": float(rng.choice([0.0, 10.0, 20.0, 30.0, 60.0, 300.0])),
        "measures": bool(rng.random() < 0.4),
    }


def message(n_bytes: int, rng: Generator) -> bytes:
    """Build a DATA frame with one message of gRPC."""
    return frame(DATA, 0, struct.pack(">BI", 0, n_bytes) + rng.bytes(n_bytes))


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await peer.exactly(len(PREFACE))
        await peer.send(frame(SETTINGS, 0, bytes(12)) + frame(SETTINGS, ACK, b""))
        await peer.send(frame(HEADERS, 4, rng.bytes(40)))
        await together(_push(peer, drawn, rng), _heed(peer, drawn, rng))

    await site.listen(attend)


async def _push(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while drawn["push_s"]:
        await asyncio.sleep(pause_s(drawn["push_s"], drawn["push_rhythm"], rng))
        await peer.send(message(size_of(drawn["push_bytes"], drawn["push_spread"], rng), rng))


async def _heed(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    """Answer calls and pings as a server."""
    while True:
        kind, flags, body = await read_frame(peer)
        if kind == PING and not flags & ACK:
            await peer.send(frame(PING, ACK, body))
        elif kind == DATA and drawn["answers"]:
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            answer = message(size_of(drawn["answer_bytes"], drawn["answer_spread"], rng), rng)
            if not drawn["is_stream"]:  # a call of its own has headers before and trailers behind
                answer = frame(HEADERS, 4, rng.bytes(14)) + answer + frame(HEADERS, 5, rng.bytes(16))
            await peer.send(answer)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await peer.send(PREFACE + frame(SETTINGS, 0, bytes(18)) + frame(WINDOW_UPDATE, 0, bytes(4)))
        await peer.send(frame(HEADERS, 4, rng.bytes(int(rng.integers(80, 260)))))
        await together(_call(peer, drawn, rng), _listen(peer, drawn), ping(peer, drawn["ping_s"], rng))


async def _call(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        call = message(size_of(drawn["call_bytes"], drawn["call_spread"], rng), rng)
        head = b"" if drawn["is_stream"] else frame(HEADERS, 4, rng.bytes(int(rng.integers(12, 40))))
        await peer.send(head + call)
        if not drawn["calls_s"]:  # it asked once for a stream of answers
            return
        await asyncio.sleep(pause_s(drawn["calls_s"], drawn["calls_rhythm"], rng))


async def _listen(peer: Peer, drawn: Mapping[str, Any]) -> None:
    while True:
        kind, flags, body = await read_frame(peer)
        if kind == SETTINGS and not flags & ACK:
            await peer.send(frame(SETTINGS, ACK, b""))
        elif kind == DATA and drawn["measures"]:
            window = frame(WINDOW_UPDATE, 0, struct.pack(">I", len(body)))
            await peer.send(window + frame(PING, 0, bytes(8)))


_GRPC = Actor("grpc", "grpc", _draw, _serve, _visit, ports=(50051, 9067, 15010), clients=(2, 5))
ACTORS = (_GRPC, over_tls(_GRPC, (443, 9067, 50051)))
