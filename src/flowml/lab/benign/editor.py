"""A collaborative editor over WebSocket: small operations of people who type, each confirmed at once.

Operational transformation (or a CRDT) in the manner of Etherpad, ShareDB or Yjs: a client sends what was
typed every so often, the server confirms it with the document's new revision and tells the others; cursors
move; a beat every 15 to 30 s. On the wire: client messages of nearly one size, each answered by one of one
size, and pushes in between, as in mining. But people pause, and their bursts are short.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, broadcast

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign import websocket
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from websockets.asyncio.client import ClientConnection

    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "flush_s": float(rng.choice([0.2, 0.5, 1.0, 2.0])),
        "burst_flushes": float(rng.choice([2.0, 8.0, 25.0])),
        "think_s": round(log_uniform(rng, 4.0, 120.0), 1),
        "characters_per_flush": float(rng.choice([1.0, 3.0, 10.0])),
        "cursor_ratio": float(rng.choice([0.0, 0.3, 1.0])),
        "confirms": bool(rng.random() < 0.85),
        "envelope_bytes": int(rng.choice([0, 30, 120])),
        "beat_s": float(rng.choice([15.0, 25.0, 30.0])),
        "document_bytes": int(log_uniform(rng, 300, 20_000)),
        "compresses": bool(rng.random() < 0.4),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn, writers, revision = site.parameters, set[ServerConnection](), [int(rng.integers(1, 9000))]

    async def attend(writer: ServerConnection) -> None:
        writers.add(writer)
        try:
            await writer.send(
                json.dumps({"type": "document", "text": text_of(drawn["document_bytes"], 0, rng)})
            )
            async for said in writer:
                operation = json.loads(said)
                if operation["type"] == "edit":
                    revision[0] += 1
                    operation["rev"] = revision[0]
                    if drawn["confirms"]:
                        await writer.send(json.dumps({"type": "ack", "rev": revision[0]}))
                broadcast(writers - {writer}, json.dumps(operation))
        finally:
            writers.remove(writer)

    await websocket.listen(site, attend, drawn["beat_s"], drawn["compresses"])


async def _visit(site: Site, rng: Generator) -> None:
    async with websocket.connected(site, "/socket") as document:
        name = text_of(4, 8, rng)
        await together(_write(document, name, site.parameters, rng), websocket.drain(document))


async def _write(document: ClientConnection, name: str, drawn: Mapping[str, Any], rng: Generator) -> None:
    place = int(rng.integers(0, 9999))
    while True:
        await asyncio.sleep(rng.exponential(drawn["think_s"]))
        for _ in range(int(rng.geometric(1.0 / drawn["burst_flushes"]))):
            typed = "e" * (1 + int(rng.poisson(drawn["characters_per_flush"])))
            place += len(typed)
            envelope = {"session": "0" * drawn["envelope_bytes"], "author": name}
            edit = {"type": "edit", "at": place, "insert": typed, **envelope}
            await document.send(json.dumps(edit))
            if rng.random() < drawn["cursor_ratio"]:
                await document.send(json.dumps({"type": "cursor", "at": place, "author": name}))
            await asyncio.sleep(drawn["flush_s"] * rng.uniform(0.8, 1.6))


_EDITOR = Actor("editor", "collaboration", _draw, _serve, _visit, ports=(80, 3000, 9001), clients=(2, 5))
ACTORS = (_EDITOR, over_tls(_EDITOR, (443,)))
