"""A chat room over WebSocket: what one says, all others are pushed."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed, WebSocketException

from flowml.lab.actor import Actor, Parameters, over_tls

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site

_WORDS = [
    "so",
    "the",
    "lab",
    "is",
    "up",
    "again",
    "and",
    "nobody",
    "knows",
    "why",
    "but",
    "it",
    "works",
    "let",
    "us",
    "keep",
    "it",
    "that",
    "way",
    "for",
    "now",
]


def _draw(rng: Generator) -> Parameters:
    return {
        "says_every_s": float(rng.choice([8.0, 20.0, 90.0])),
        "ping_s": float(rng.choice([20.0, 25.0, 30.0])),
        "echoes": bool(rng.random() < 0.5),
        "compresses": bool(rng.random() < 0.5),
    }


async def _serve(site: Site, rng: Generator) -> None:
    del rng
    room: set[ServerConnection] = set()

    async def attend(member: ServerConnection) -> None:
        room.add(member)
        try:
            with suppress(ConnectionClosed):
                async for said in member:
                    broadcast(room if site.parameters["echoes"] else room - {member}, said)
        finally:
            room.remove(member)

    async with serve(
        attend,
        sock=site.listening_socket(),
        ssl=site.server_tls(),
        ping_interval=site.parameters["ping_s"],
        compression="deflate" if site.parameters["compresses"] else None,
    ) as server:
        await server.serve_forever()


async def _visit(site: Site, rng: Generator) -> None:
    tls = site.client_tls()
    try:
        async with (
            connect(
                f"{'wss' if tls else 'ws'}://{site.server_name()}:{site.server[1]}/chat",
                sock=await site.connected_socket(),
                ssl=tls,
                ping_interval=None,
            ) as room,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(_talk(room, site.parameters["says_every_s"], rng))
            group.create_task(_listen(room))
    except* WebSocketException as errors:
        raise ConnectionError(str(errors.exceptions[0])) from errors


async def _listen(room: ClientConnection) -> None:
    while True:
        await room.recv()


async def _talk(room: ClientConnection, mean_s: float, rng: Generator) -> None:
    name = f"guest{rng.integers(1000)}"
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        words = rng.choice(_WORDS, size=int(rng.integers(1, 25)))
        await room.send(json.dumps({"from": name, "text": " ".join(words)}))


_CHAT = Actor("websocket-chat", "websocket", _draw, _serve, _visit, ports=(80, 8080, 3000), clients=(3, 6))
ACTORS = (_CHAT, over_tls(_CHAT, (443,)))
