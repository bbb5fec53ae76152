"""An exchange's price feed over WebSocket: a subscription, then JSON that the server pushes, with pings."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from websockets.asyncio.server import ServerConnection, broadcast

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign import websocket
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from numpy.random import Generator
    from websockets.asyncio.client import ClientConnection

    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [0.5, 2.0, 5.0, 20.0, 60.0]),
        "push_bytes": int(rng.choice([40, 120, 300, 900])),
        "push_spread_bytes": int(rng.choice([0, 2, 20, 300])),
        "ping_s": float(rng.choice([15.0, 20.0, 30.0, 60.0])),
        "client_asks_s": float(rng.choice([0.0, 0.0, 20.0, 60.0])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn, listeners = site.parameters, set[ServerConnection]()

    async def attend(listener: ServerConnection) -> None:
        listeners.add(listener)
        try:
            async for asked in listener:
                await listener.send(json.dumps({"event": "pong", "of": len(asked)}))
        finally:
            listeners.discard(listener)

    async def tick() -> None:
        while True:
            await pause(drawn, rng)
            data = text_of(drawn["push_bytes"], drawn["push_spread_bytes"], rng)
            broadcast(listeners, json.dumps({"channel": "trades", "data": data}))

    await together(tick(), websocket.listen(site, attend, drawn["ping_s"]))


async def _visit(site: Site, rng: Generator) -> None:
    del rng
    async with websocket.connected(site, "/ws") as feed:
        await feed.send(json.dumps({"op": "subscribe", "args": ["trades.BTCUSD", "trades.ETHUSD"]}))
        await together(websocket.drain(feed), _ask(feed, site.parameters["client_asks_s"]))


async def _ask(feed: ClientConnection, period_s: float) -> None:
    while period_s:
        await asyncio.sleep(period_s)
        await feed.send('{"op":"ping"}')


_FEED = Actor("price-feed", "websocket", _draw, _serve, _visit, ports=(80, 8080), clients=(2, 4))
ACTORS = (_FEED, over_tls(_FEED, (443, 9443)))
