"""Pages and applications in HTTP/2: visits of many requests, then reports and pings on a kept connection.

What most connections of browsers are. A page asks for a few things up to dozens side by side. Then come
reports of what the visitor does, a POST of nearly one size now and then that is answered with 204 and no
body (W3C Beacon), questions by the clock (is there anything new?), and pings of 17 bytes: by browsers when
they ask on a connection that was idle for 10 s, by applications every 15 to 60 s (RFC 9113, 6.7). Fields sent
before are an index (RFC 7541). Servers close what was idle for 15 s to 4 min with a GOAWAY.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http2 import Received, heed, message, open_as_client, open_as_server, ping
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.rhythm import pause_s, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "page_s": round(log_uniform(rng, 5.0, 300.0), 1),
        "page_requests": float(rng.choice([1.0, 3.0, 10.0, 25.0])),
        "fields_bytes": int(log_uniform(rng, 30, 400)),
        "first_fields_bytes": int(rng.integers(200, 900)),
        "answer_fields_bytes": int(log_uniform(rng, 20, 300)),
        "answer_bytes": int(log_uniform(rng, 100, 9000)),
        "think_s": round(log_uniform(rng, 0.002, 0.3), 4),
        "report_s": float(rng.choice([0.0, 2.0, 10.0, 30.0, 60.0])),
        "report_rhythm": str(rng.choice(["steady", "jittered", "random", "bursty"])),
        "report_bytes": int(log_uniform(rng, 40, 3000)),
        "report_spread": str(rng.choice(["constant", "digits", "digits", "types", "lognormal"])),
        "told_bytes": int(rng.choice([0, 0, 2, 20, 150])),
        "settings": int(rng.integers(2, 7)),
        "ping_s": float(rng.choice([0.0, 0.0, 15.0, 30.0, 45.0, 60.0])),
        "server_ping_s": float(rng.choice([0.0, 0.0, 0.0, 30.0, 60.0])),
        "patience_s": float(rng.choice([15.0, 60.0, 75.0, 180.0, 240.0])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        async def answer(request: Received) -> None:
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            is_report = request.body_bytes > 0
            n_bytes = drawn["told_bytes"] if is_report else size_of(drawn["answer_bytes"], "heavy", rng)
            await peer.send(message(drawn["answer_fields_bytes"], n_bytes, rng))

        await open_as_server(peer, drawn["settings"])
        await together(heed(peer, drawn["patience_s"], answer), ping(peer, drawn["server_ping_s"], rng))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await open_as_client(peer, drawn["settings"])
        await peer.send(message(drawn["first_fields_bytes"], 0, rng))
        await together(
            _look(peer, drawn, rng),
            _report(peer, drawn, rng),
            heed(peer, 2 * drawn["patience_s"]),
            ping(peer, drawn["ping_s"], rng),
        )


async def _look(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        for _ in range(int(rng.geometric(1.0 / drawn["page_requests"]))):
            await peer.send(message(size_of(drawn["fields_bytes"], "digits", rng), 0, rng))
            await asyncio.sleep(rng.exponential(0.03))
        await asyncio.sleep(rng.exponential(drawn["page_s"]))


async def _report(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while drawn["report_s"]:
        await asyncio.sleep(pause_s(drawn["report_s"], drawn["report_rhythm"], rng))
        n_bytes = size_of(drawn["report_bytes"], drawn["report_spread"], rng)
        await peer.send(message(drawn["fields_bytes"], n_bytes, rng))


_VISITS = Actor("http2-visits", "http", _draw, _serve, _visit, ports=(80,), clients=(4, 10))
ACTORS = (over_tls(_VISITS, (443, 8443)),)
