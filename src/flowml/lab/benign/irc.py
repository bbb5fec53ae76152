"""IRC: rooms in which people talk, and PING that the server sends when they do not (RFC 2812 3.7.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.room import Room, draw_talk, repeat, talk
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_PING, _PONG = b"PING :irc.lab.example\r\n", b"PONG :irc.lab.example\r\n"


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_talk(rng),
        "ping_s": float(rng.choice([30.0, 60.0, 90.0, 120.0])),
        "bot_s": float(rng.choice([0.0, 0.0, 15.0, 60.0])),
        "bot_bytes": int(rng.integers(40, 400)),
        "greeting_lines": int(rng.integers(5, 40)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn, room = site.parameters, Room()

    async def attend(peer: Peer) -> None:
        await peer.line()
        await peer.line()
        lines = (
            f":irc.lab.example {372 + n % 5} guest :- {text_of(20, 50, rng)}"
            for n in range(drawn["greeting_lines"])
        )
        await peer.send("".join(f"{line}\r\n" for line in lines).encode())
        with room.joined(peer):
            await together(_relay(peer, room), repeat(peer, drawn["ping_s"], _PING))

    await together(_let_a_bot_speak(room, drawn, rng), site.listen(attend))


async def _relay(peer: Peer, room: Room) -> None:
    while True:
        said = await peer.line()
        if said.startswith(b"PRIVMSG"):
            room.tell(b":guest!guest@10.77.0.9 " + said, but=peer)


async def _let_a_bot_speak(room: Room, drawn: Mapping[str, Any], rng: Generator) -> None:
    while drawn["bot_s"]:
        await asyncio.sleep(drawn["bot_s"])
        room.tell(f":bot!bot@10.77.0.9 PRIVMSG #lab :{text_of(drawn['bot_bytes'], 3, rng)}\r\n".encode())


async def _visit(site: Site, rng: Generator) -> None:
    async with site.connected() as peer:
        name = text_of(4, 8, rng)
        await peer.send(f"NICK {name}\r\nUSER {name} 0 * :{name}\r\n".encode())
        await together(talk(peer, site.parameters["says_every_s"], lambda: _said(rng), rng), _listen(peer))


def _said(rng: Generator) -> str:
    return f"PRIVMSG #lab :{text_of(2, 200, rng)}\r\n"


async def _listen(peer: Peer) -> None:
    while True:
        if (await peer.line()).startswith(b"PING"):
            await peer.send(_PONG)


_IRC = Actor("irc", "irc", _draw, _serve, _visit, ports=(6667,), clients=(3, 6))
ACTORS = (_IRC, over_tls(_IRC, (6697,)))
