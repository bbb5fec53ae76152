"""HTTP that is held and says so: one question, then "still nothing" by the clock, until there is something.

Outlook's NotificationWait (MS-OXCMAPIHTTP, 2.2.4.4): the answer begins at once, and a chunk of
"PENDING" follows every 15 s (X-PendingPeriod) until mail comes or 5 minutes have passed; file services
(a long poll of 30 to 90 s, then the list of what changed); mail on telephones (Ping of MS-ASCMD, 1 to 30
min); event streams with a comment every 10 to 30 s (WHATWG HTML, 9.2.7), taken up again when they end. The
same connection carries other questions between two waits.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http_messages import request, response
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.benign.token_stream import chunk

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_SIGNS = (b"PENDING\r\n", b":\n\n", b": keep-alive\n\n", b"\r\n", b'{"type":"ping"}\n')
_END = b"0\r\n\r\n"


def _draw(rng: Generator) -> Parameters:
    return {
        "sign": int(rng.integers(len(_SIGNS))),
        "sign_s": float(rng.choice([0.0, 5.0, 10.0, 15.0, 15.0, 30.0])),
        "held_s": float(rng.choice([30.0, 60.0, 90.0, 120.0, 300.0])),
        "news_s": round(log_uniform(rng, 15.0, 600.0), 1),
        "news_bytes": int(log_uniform(rng, 20, 1500)),
        "news_spread": str(rng.choice(["constant", "digits", "types", "lognormal"])),
        "fields_bytes": int(log_uniform(rng, 100, 1600)),
        "answer_fields_bytes": int(log_uniform(rng, 60, 900)),
        "then_asks": float(rng.choice([0.0, 1.0, 1.0, 3.0])),
        "then_bytes": int(log_uniform(rng, 60, 1200)),
        "then_answer_bytes": int(log_uniform(rng, 100, 6000)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            is_wait = (await peer.line()).startswith(b"GET")
            await peer.http_body()
            if is_wait:
                await _hold(peer)
            else:
                await asyncio.sleep(rng.exponential(0.02))
                await peer.send(response(bytes(size_of(drawn["then_answer_bytes"], "lognormal", rng))))

    async def _hold(peer: Peer) -> None:
        """Answer with signs of life until there is news, or time is up."""
        fields = f"ETag: {'e' * drawn['answer_fields_bytes']}\r\nTransfer-Encoding: chunked\r\n\r\n"
        await peer.send(f"HTTP/1.1 200 OK\r\n{fields}".encode())
        news_s = float(rng.exponential(drawn["news_s"]))
        left_s = min(news_s, drawn["held_s"])
        while drawn["sign_s"] and left_s > drawn["sign_s"]:
            await asyncio.sleep(drawn["sign_s"])
            await peer.send(chunk(_SIGNS[drawn["sign"]]))
            left_s -= drawn["sign_s"]
        await asyncio.sleep(left_s)
        is_news = news_s < drawn["held_s"]
        n_bytes = size_of(drawn["news_bytes"], drawn["news_spread"], rng) if is_news else 8
        await peer.send(chunk(bytes(n_bytes)) + _END)

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn, host = site.parameters, site.server_name()
    fields = f"Cookie: {'c' * drawn['fields_bytes']}\r\n"
    async with site.connected() as peer:
        while True:
            await peer.send(request("GET", host, "/wait", fields=fields))
            await peer.reader.readuntil(b"\r\n\r\n")
            while await _read_chunk(peer):
                pass
            for _ in range(int(rng.poisson(drawn["then_asks"]))):
                body = bytes(size_of(drawn["then_bytes"], "types", rng))
                await peer.send(request("POST", host, "/", body, fields))
                await peer.http_body()
            await asyncio.sleep(rng.exponential(0.3))


async def _read_chunk(peer: Peer) -> int:
    """Read a chunk; its size, 0 at the end of the body."""
    n_bytes = int(await peer.line(), 16)
    await peer.exactly(n_bytes + 2)
    return n_bytes


_PENDING = Actor("pending-http", "http", _draw, _serve, _visit, ports=(80, 8080), clients=(3, 6))
ACTORS = (_PENDING, over_tls(_PENDING, (443,)))
