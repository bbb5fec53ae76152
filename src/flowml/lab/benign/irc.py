"""IRC: rooms in which people talk, and PING that the server sends when they do not (RFC 2812 3.7.2)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "ping_s": float(rng.choice([30.0, 60.0, 90.0, 120.0])),
        "says_every_s": float(rng.choice([10.0, 60.0, 300.0])),
        "bot_s": float(rng.choice([0.0, 0.0, 15.0, 60.0])),
        "bot_bytes": int(rng.integers(40, 400)),
        "greeting_lines": int(rng.integers(5, 40)),
    }


@dataclass(slots=True)
class _Server:
    drawn: Mapping[str, Any]
    rng: Generator
    room: set[Peer] = field(default_factory=set)

    async def attend(self, peer: Peer) -> None:
        """Greet a guest and relay what is said, until the guest leaves."""
        await peer.line()
        await peer.line()
        numbers = range(self.drawn["greeting_lines"])
        greeting = (
            f":irc.lab.example {372 + n % 5} guest :- {text_of(20, 50, self.rng)}\r\n" for n in numbers
        )
        await peer.send("".join(greeting).encode())
        self.room.add(peer)
        try:
            await together(self._relay(peer), self._ping(peer))
        finally:
            self.room.discard(peer)

    async def chatter(self) -> None:
        """Let a bot speak by the clock, where the room has one."""
        while self.drawn["bot_s"]:
            await asyncio.sleep(self.drawn["bot_s"])
            text = text_of(self.drawn["bot_bytes"], 3, self.rng)
            self._tell(self.room, f":bot!bot@10.77.0.9 PRIVMSG #lab :{text}\r\n".encode())

    async def _relay(self, peer: Peer) -> None:
        while True:
            said = await peer.line()
            if said.startswith(b"PRIVMSG"):
                self._tell(self.room - {peer}, b":guest!guest@10.77.0.9 " + said)

    async def _ping(self, peer: Peer) -> None:
        while True:
            await asyncio.sleep(self.drawn["ping_s"])
            await peer.send(b"PING :irc.lab.example\r\n")

    @staticmethod
    def _tell(peers: set[Peer], line: bytes) -> None:
        for peer in peers:
            peer.writer.write(line)


async def _serve(site: Site, rng: Generator) -> None:
    server = _Server(site.parameters, rng)
    await together(server.chatter(), site.listen(server.attend))


async def _visit(site: Site, rng: Generator) -> None:
    async with site.connected() as peer:
        name = text_of(4, 8, rng)
        await peer.send(f"NICK {name}\r\nUSER {name} 0 * :{name}\r\n".encode())
        await together(_talk(peer, site.parameters["says_every_s"], rng), _listen(peer))


async def _talk(peer: Peer, mean_s: float, rng: Generator) -> None:
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        await peer.send(f"PRIVMSG #lab :{text_of(2, 200, rng)}\r\n".encode())


async def _listen(peer: Peer) -> None:
    while True:
        if (await peer.line()).startswith(b"PING"):
            await peer.send(b"PONG :irc.lab.example\r\n")


_IRC = Actor("irc", "irc", _draw, _serve, _visit, ports=(6667,), clients=(3, 6))
ACTORS = (_IRC, over_tls(_IRC, (6697,)))
