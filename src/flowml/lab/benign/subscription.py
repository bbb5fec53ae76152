"""Subscriptions over WebSocket: GraphQL, dashboards, lobbies and signalling, pushed when something happens.

Forms: graphql-transport-ws (https://github.com/enisdenjo/graphql-ws, PROTOCOL.md: connection_init, subscribe,
next, ping and pong as messages), Socket.IO (engine.io protocol 4: "2" and "3" every 25 s), Phoenix channels
(heartbeats of the client every 30 s, each answered), SignalR (a keep-alive each 15 s). In a lobby or for
signalling the clients speak too, and now and then much at once: an offer and its candidates.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign import websocket
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import SPREADS, log_uniform, size_of
from flowml.lab.rhythm import draw_rhythm, pause, pause_s, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.server import ServerConnection

    from flowml.lab.site import Site

_BEATS = {
    "graphql": ('{"type":"ping"}', '{"type":"pong"}'),
    "socket.io": ("2", "3"),
    "phoenix": (
        '[null,"17","phoenix","heartbeat",{}]',
        '[null,"17","phoenix","phx_reply",{"status":"ok","response":{}}]',
    ),
    "signalr": ('{"type":6}\x1e', '{"type":6}\x1e'),
}


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [1.0, 4.0, 15.0, 40.0, 120.0]),
        "form": str(rng.choice(list(_BEATS))),
        "beat_s": float(rng.choice([12.0, 15.0, 25.0, 30.0, 30.0])),
        "server_beats": bool(rng.random() < 0.4),
        "event_bytes": int(log_uniform(rng, 20, 2000)),
        "event_spread": str(rng.choice(SPREADS)),
        "call_s": float(rng.choice([0.0, 6.0, 30.0, 120.0])),
        "call_rhythm": str(rng.choice(["random", "bursty"])),
        "call_bytes": int(log_uniform(rng, 10, 900)),
        "call_spread": str(rng.choice(SPREADS)),
        "result_bytes": int(rng.choice([0, 2, 40, 300])),
        "compresses": bool(rng.random() < 0.3),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(guest: ServerConnection) -> None:
        await guest.send(json.dumps({"type": "connection_ack", "sid": text_of(20, 0, rng)}))
        parts = [_publish(guest, drawn, rng), _answer(guest, drawn, rng)]
        if drawn["server_beats"]:
            parts.append(_beat(guest, _BEATS[drawn["form"]][0], drawn["beat_s"]))
        await together(*parts)

    await websocket.listen(site, attend, None, drawn["compresses"])


async def _publish(guest: ServerConnection, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await pause(drawn, rng)
        data = text_of(size_of(drawn["event_bytes"], drawn["event_spread"], rng), 0, rng)
        await guest.send(json.dumps({"id": "1", "type": "next", "payload": {"data": data}}))


async def _answer(guest: ServerConnection, drawn: Mapping[str, Any], rng: Generator) -> None:
    ping, pong = _BEATS[drawn["form"]]
    async for said in guest:
        if said == ping and not drawn["server_beats"]:
            await guest.send(pong)
        elif drawn["result_bytes"] and len(said) > len(pong):
            await guest.send(json.dumps({"ok": text_of(drawn["result_bytes"], 0, rng)}))


async def _beat(other: ServerConnection | ClientConnection, text: str, period_s: float) -> None:
    while True:
        await asyncio.sleep(period_s)
        await other.send(text)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    ping, pong = _BEATS[drawn["form"]]
    async with websocket.connected(site, f"/socket?token={text_of(20, 300, rng)}") as feed:
        query = text_of(40, 400, rng)
        await feed.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        parts = [_listen(feed, ping, pong, bool(drawn["server_beats"])), _call(feed, drawn, rng)]
        if not drawn["server_beats"]:
            parts.append(_beat(feed, ping, drawn["beat_s"]))
        await together(*parts)


async def _listen(feed: ClientConnection, ping: str, pong: str, is_pinged: bool) -> None:
    async for heard in feed:
        if is_pinged and heard == ping:
            await feed.send(pong)
    raise ConnectionError("the server closed the connection")


async def _call(feed: ClientConnection, drawn: Mapping[str, Any], rng: Generator) -> None:
    while drawn["call_s"]:
        await asyncio.sleep(pause_s(drawn["call_s"], drawn["call_rhythm"], rng))
        data = text_of(size_of(drawn["call_bytes"], drawn["call_spread"], rng), 0, rng)
        await feed.send(json.dumps({"type": "call", "payload": {"data": data}}))


_FEED = Actor("subscription", "websocket", _draw, _serve, _visit, ports=(80, 4000, 8000), clients=(2, 5))
ACTORS = (_FEED, over_tls(_FEED, (443, 8443)))
