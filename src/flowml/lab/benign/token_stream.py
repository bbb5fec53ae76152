"""Language models: a long question, then an answer that trickles down word by word as events.

Server-sent events in HTTP/1.1 (chunked) on a kept connection: some 20 to 80 events a second, each a few
dozen to some hundred bytes around a word, for seconds to a minute; the question grows with the
conversation. Editors ask for completions at every pause in typing and drop most of them. Tools' connections
are pinged by the clock.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http_messages import request
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import LARGEST_BYTES, log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"


def _draw(rng: Generator) -> Parameters:
    return {
        "events_per_s": round(log_uniform(rng, 5.0, 30.0), 1),
        "answer_events": round(log_uniform(rng, 10.0, 300.0)),
        "frame_bytes": int(rng.integers(20, 260)),
        "first_s": round(log_uniform(rng, 0.2, 4.0), 2),
        "read_s": round(log_uniform(rng, 3.0, 90.0), 1),
        "question_bytes": round(log_uniform(rng, 200, 8000)),
        "grows": bool(rng.random() < 0.6),
        "comment_s": float(rng.choice([0.0, 15.0])),
        "asks_per_visit": int(rng.choice([1, 5, 1000])),
    }


def chunk(body: bytes) -> bytes:
    """Build a chunk (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(body), body)


def event(n_bytes: int, rng: Generator) -> bytes:
    """Build an event with a word in it, inside some n_bytes of form."""
    delta = {"id": text_of(max(n_bytes - 20, 1), 0, rng), "delta": text_of(1, 9, rng)}
    return b"data: " + json.dumps(delta).encode() + b"\n\n"


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            await peer.http_body()
            await asyncio.sleep(rng.exponential(drawn["first_s"]))
            await peer.send(_HEAD)
            for _ in range(1 + int(rng.exponential(drawn["answer_events"]))):
                await asyncio.sleep(rng.exponential(1.0 / drawn["events_per_s"]))
                await peer.send(chunk(event(drawn["frame_bytes"], rng)))
            if drawn["comment_s"]:  # a tool is at work, and the line is kept open meanwhile
                await asyncio.sleep(drawn["comment_s"])
                await peer.send(chunk(b": keep-alive\n\n"))
            await peer.send(_END)

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    n_bytes = int(drawn["question_bytes"])
    async with site.connected() as peer:
        for _ in range(drawn["asks_per_visit"]):
            body = text_of(n_bytes, n_bytes // 5, rng).encode()
            await peer.send(request("POST", site.server_name(), "/v1/messages", body))
            await peer.reader.readuntil(b"\r\n\r\n")  # the head
            while await _chunk(peer):
                pass
            n_bytes = min(n_bytes + 400 * drawn["grows"], LARGEST_BYTES // 2)
            await asyncio.sleep(rng.exponential(drawn["read_s"]))


async def _chunk(peer: Peer) -> bytes:
    """Read a chunk; the last is empty."""
    n_bytes = int(await peer.line(), 16)
    return (await peer.exactly(n_bytes + 2))[:n_bytes]


_STREAM = Actor("token-stream", "http", _draw, _serve, _visit, ports=(8080, 11434), clients=(2, 5))
ACTORS = (_STREAM, over_tls(_STREAM, (443,)))
