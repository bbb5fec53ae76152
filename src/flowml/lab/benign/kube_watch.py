"""Kubernetes watches: a question once, then chunks of JSON whenever an object changes, and bookmarks.

(https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes) Leases are
renewed every 2 or 10 s, so a watcher of leases hears objects of one size by the clock; others hear of pods
in bursts. A bookmark comes about once a minute. The server ends a watch after 5 to 10 minutes and is asked
again.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http_messages import request
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    leases = bool(rng.random() < 0.4)
    return {
        **draw_rhythm(rng, [2.0, 10.0, 10.0] if leases else [5.0, 30.0, 120.0], ("jittered", "bursty")),
        "object_bytes": int(rng.integers(500, 900)) if leases else int(log_uniform(rng, 1200, 9000)),
        "object_spread": "digits" if leases else str(rng.choice(["lognormal", "types", "uniform"])),
        "bookmark_s": float(rng.choice([0.0, 60.0])),
        "listed": int(rng.choice([1, 5, 20])),
        "session_s": float(rng.choice([300.0, 450.0, 600.0])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await peer.http_body()
        await peer.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(drawn["listed"]):
            await _tell(peer, "ADDED", size_of(drawn["object_bytes"], drawn["object_spread"], rng), rng)
        try:
            async with asyncio.timeout(drawn["session_s"] * rng.uniform(1.0, 2.0)):
                await together(_change(peer, drawn, rng), _bookmark(peer, drawn["bookmark_s"], rng))
        except TimeoutError:
            await peer.send(b"0\r\n\r\n")

    await site.listen(attend)


async def _change(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await pause(drawn, rng)
        await _tell(peer, "MODIFIED", size_of(drawn["object_bytes"], drawn["object_spread"], rng), rng)


async def _bookmark(peer: Peer, period_s: float, rng: Generator) -> None:
    while period_s:
        await asyncio.sleep(period_s * rng.uniform(0.75, 1.25))
        await _tell(peer, "BOOKMARK", 190, rng)


async def _tell(peer: Peer, kind: str, n_bytes: int, rng: Generator) -> None:
    event = json.dumps({"type": kind, "object": {"spec": text_of(n_bytes, 0, rng)}}).encode() + b"\n"
    await peer.send(b"%x\r\n%b\r\n" % (len(event), event))


async def _visit(site: Site, rng: Generator) -> None:
    path = f"/api/v1/{rng.choice(['pods', 'leases', 'nodes'])}?watch=1&resourceVersion={rng.integers(10**7)}"
    fields = f"Authorization: Bearer {text_of(900, 0, rng)}\r\n"
    async with site.connected() as peer:
        await peer.send(request("GET", site.server_name(), path, b"", fields))
        while await peer.reader.read(65536):
            pass


_WATCH = Actor("kube-watch", "http", _draw, _serve, _visit, ports=(8001, 6443), clients=(2, 5))
ACTORS = (over_tls(_WATCH, (6443, 443)),)
