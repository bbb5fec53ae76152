"""Language servers over TCP: JSON-RPC behind a Content-Length, while somebody types.

(Language Server Protocol 3.17, base protocol.) Each pause in typing sends didChange, often a completion or a
hover that is answered at once; diagnostics come by themselves some time later. Between edits there is
silence.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "typing_s": float(rng.uniform(0.2, 1.5)),
        "burst": float(rng.choice([3.0, 10.0, 30.0])),
        "think_s": round(log_uniform(rng, 4.0, 90.0), 1),
        "completes_ratio": float(rng.choice([0.1, 0.4, 0.9])),
        "answer_bytes": int(log_uniform(rng, 80, 9000)),
        "diagnostics_s": float(rng.choice([0.3, 1.0, 4.0])),
        "diagnostics_bytes": int(log_uniform(rng, 60, 2500)),
        "path_bytes": int(rng.integers(20, 120)),
        "whole_document_bytes": int(rng.choice([0, 0, 2000, 9000])),
    }


def framed(message: Mapping[str, Any]) -> bytes:
    """Build a message with its Content-Length."""
    body = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        async with asyncio.TaskGroup() as late:
            while True:
                message = json.loads(await peer.http_body())
                if "id" in message:
                    await asyncio.sleep(rng.exponential(0.03))
                    n_bytes = size_of(drawn["answer_bytes"], "heavy", rng)
                    await peer.send(framed({"id": message["id"], "result": text_of(n_bytes, 0, rng)}))
                elif rng.random() < 0.3:
                    late.create_task(_diagnose(peer, drawn, rng))

    await site.listen(attend)


async def _diagnose(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    await asyncio.sleep(rng.exponential(drawn["diagnostics_s"]))
    found = text_of(size_of(drawn["diagnostics_bytes"], "lognormal", rng), 0, rng)
    await peer.send(framed({"method": "textDocument/publishDiagnostics", "params": {"diagnostics": found}}))


async def _visit(site: Site, rng: Generator) -> None:
    async with site.connected() as peer:
        await peer.send(framed({"id": 0, "method": "initialize", "params": text_of(900, 4000, rng)}))
        await together(_edit(peer, site.parameters, rng), _listen(peer))


async def _edit(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    document = {"uri": f"file:///{text_of(drawn['path_bytes'], 0, rng)}", "version": 1}
    number = 0
    while True:
        for _ in range(int(rng.geometric(1.0 / drawn["burst"]))):
            number += 1
            changes = [{"text": "x" * (drawn["whole_document_bytes"] or int(rng.geometric(0.4)))}]
            params = {"textDocument": {**document, "version": number}, "contentChanges": changes}
            await peer.send(framed({"method": "textDocument/didChange", "params": params}))
            if rng.random() < drawn["completes_ratio"]:
                place = {"textDocument": document, "position": {"line": number % 400, "character": 17}}
                await peer.send(framed({"id": number, "method": "textDocument/completion", "params": place}))
            await asyncio.sleep(rng.exponential(drawn["typing_s"]))
        await asyncio.sleep(rng.exponential(drawn["think_s"]))


async def _listen(peer: Peer) -> None:
    while True:
        await peer.http_body()


_LSP = Actor("language-server", "json-rpc", _draw, _serve, _visit, ports=(2087, 5007), clients=(1, 3))
ACTORS = (_LSP, over_tls(_LSP, (443,)))
