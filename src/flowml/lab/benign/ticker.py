"""Server-sent events: a ticker that pushes JSON of nearly constant size to all who listen at once.

The client asks once and is silent from then on
(https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.peer import Peer
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [0.5, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0]),
        "event_bytes": int(rng.choice([20, 100, 250, 380, 600, 1400])),
        "event_spread_bytes": int(rng.choice([0, 0, 3, 20, 300])),
        "comments": bool(rng.random() < 0.3),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn, listeners = site.parameters, set[Peer]()

    async def attend(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        await peer.send(head.encode())
        listeners.add(peer)
        try:
            await peer.reader.read()
        finally:
            listeners.discard(peer)

    async def tick() -> None:
        number = 0
        while True:
            await pause(drawn, rng)
            number += 1
            data = text_of(drawn["event_bytes"], drawn["event_spread_bytes"], rng)
            event = (
                ": alive\n\n"
                if drawn["comments"] and number % 5 == 0
                else f'id: {number}\ndata: {{"price":"{data}"}}\n\n'
            )
            for peer in listeners:
                peer.writer.write(f"{len(event):x}\r\n{event}\r\n".encode())

    await together(tick(), site.listen(attend))


async def _visit(site: Site, rng: Generator) -> None:
    head = f"GET /events HTTP/1.1\r\nHost: {site.server_name()}\r\nAccept: text/event-stream\r\n"
    head += f"User-Agent: {text_of(20, 200, rng)}\r\n\r\n"
    async with site.connected() as peer:
        await peer.send(head.encode())
        while await peer.reader.read(65536):
            pass


_TICKER = Actor("ticker", "http", _draw, _serve, _visit, ports=(80, 8080, 8001), clients=(2, 5))
ACTORS = (_TICKER, over_tls(_TICKER, (443,)))
