"""A chat room over WebSocket: what one says, all others are pushed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from websockets.asyncio.server import ServerConnection, broadcast

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign import websocket
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator
    from websockets.asyncio.client import ClientConnection

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
    drawn, room = site.parameters, set[ServerConnection]()

    async def attend(member: ServerConnection) -> None:
        room.add(member)
        try:
            async for said in member:
                broadcast(room if drawn["echoes"] else room - {member}, said)
        finally:
            room.remove(member)

    await websocket.listen(site, attend, drawn["ping_s"], drawn["compresses"])


async def _visit(site: Site, rng: Generator) -> None:
    async with websocket.connected(site, "/chat") as room:
        await together(_talk(room, site.parameters["says_every_s"], rng), websocket.drain(room))


async def _talk(room: ClientConnection, mean_s: float, rng: Generator) -> None:
    name = f"guest{rng.integers(1000)}"
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        words = rng.choice(_WORDS, size=int(rng.integers(1, 25)))
        await room.send(json.dumps({"from": name, "text": " ".join(words)}))


_CHAT = Actor("websocket-chat", "websocket", _draw, _serve, _visit, ports=(80, 8080, 3000), clients=(3, 6))
ACTORS = (_CHAT, over_tls(_CHAT, (443,)))
