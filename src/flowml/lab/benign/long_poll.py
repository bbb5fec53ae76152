"""HTTP long polling and beacons: a question that waits for its answer, then the next, on one connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.rhythm import pause_s

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    is_beacon = (
        rng.random() < 0.5
    )  # answered at once, then silent; else answered late and asked again at once
    return {
        "wait_s": 0.05 if is_beacon else float(rng.choice([10.0, 25.0, 50.0, 120.0])),
        "wait_rhythm": str(rng.choice(["steady", "random"])),
        "sleep_s": float(rng.choice([2.0, 5.0, 30.0, 60.0])) if is_beacon else 0.0,
        "sleep_rhythm": str(rng.choice(["steady", "jittered"])),
        "question_bytes": int(rng.choice([0, 40, 300])),
        "head_bytes": int(rng.integers(60, 700)),
        "answer_bytes": int(rng.choice([0, 2, 60, 300, 1200])),
        "answer_spread_bytes": int(rng.choice([0, 0, 10, 300])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            await peer.http_body()
            await asyncio.sleep(pause_s(drawn["wait_s"], drawn["wait_rhythm"], rng))
            body = text_of(drawn["answer_bytes"], drawn["answer_spread_bytes"], rng)
            await peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    token = text_of(drawn["head_bytes"], 0, rng)
    async with site.connected() as peer:
        while True:
            body = text_of(drawn["question_bytes"], 0, rng)
            head = f"POST /poll HTTP/1.1\r\nHost: {site.server_name()}\r\nAuthorization: {token}\r\n"
            await peer.send(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            await peer.http_body()
            await asyncio.sleep(pause_s(drawn["sleep_s"], drawn["sleep_rhythm"], rng))


_LONG_POLL = Actor("long-poll", "http", _draw, _serve, _visit, ports=(80, 8080), clients=(2, 5))
ACTORS = (_LONG_POLL, over_tls(_LONG_POLL, (443,)))
