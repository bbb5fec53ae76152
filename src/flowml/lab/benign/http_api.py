"""An HTTP/1.1 service in Python and clients that ask it on one kept connection."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "period_s": float(rng.choice([2.0, 5.0, 10.0, 30.0])),
        "regular": bool(rng.random() < 0.5),
        "answer_bytes": float(rng.lognormal(6.0, 1.5)),
        "spread": float(rng.choice([0.0, 0.1, 1.0])),
        "think_s": float(rng.uniform(0.001, 0.1)),
        "headers_bytes": int(rng.integers(0, 500)),
        "asks_per_visit": int(rng.choice([5, 30, 1000])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            await peer.http_body()
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            n_bytes = min(int(drawn["answer_bytes"] * rng.lognormal(0.0, drawn["spread"])), 60_000)
            body = json.dumps({"items": rng.bytes(n_bytes // 2).hex()}).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            await peer.send(head.encode() + body)

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    cookie = rng.bytes(drawn["headers_bytes"] // 2).hex()
    async with site.connected() as peer:
        for _ in range(drawn["asks_per_visit"]):
            path = f"/api/v1/items/{rng.integers(1, 1000)}"
            head = f"GET {path} HTTP/1.1\r\nHost: {site.server_name()}\r\nCookie: s={cookie}\r\n\r\n"
            await peer.send(head.encode())
            await peer.http_body()
            await asyncio.sleep(drawn["period_s"] if drawn["regular"] else rng.exponential(drawn["period_s"]))


_API = Actor("http-api", "http", _draw, _serve, _visit, ports=(80, 8000, 9090), clients=(2, 5))
ACTORS = (_API, over_tls(_API, (443,)))
