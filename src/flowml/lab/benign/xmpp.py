"""XMPP: stanzas between people who are mostly silent, presence, and pings of either side (XEP-0199)."""

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

_END = b">\n"  # stanzas of the lab end a line, which XML allows, so that both sides know where they end


def _draw(rng: Generator) -> Parameters:
    return {
        "ping_s": float(rng.choice([30.0, 60.0, 120.0])),
        "server_pings": bool(rng.random() < 0.5),
        "says_every_s": float(rng.choice([15.0, 90.0, 300.0])),
        "presence_s": float(rng.choice([20.0, 60.0, 240.0])),
        "roster_bytes": int(rng.integers(200, 6000)),
        "spaces_only": bool(rng.random() < 0.2),
    }


@dataclass(slots=True)
class _Server:
    drawn: Mapping[str, Any]
    rng: Generator
    online: set[Peer] = field(default_factory=set)

    async def attend(self, peer: Peer) -> None:
        """Log somebody in and relay messages, until the stream ends."""
        await peer.line()
        roster = text_of(self.drawn["roster_bytes"], 50, self.rng)
        await peer.send(f"<stream:features><roster>{roster}</roster".encode() + _END)
        self.online.add(peer)
        try:
            is_pinged = self.drawn["server_pings"]
            pings = [ping(peer, self.drawn["ping_s"], self.drawn["spaces_only"])] if is_pinged else []
            await together(self._relay(peer), *pings)
        finally:
            self.online.discard(peer)

    async def change_presence(self) -> None:
        """Tell everybody that somebody came or went, for ever."""
        while True:
            await asyncio.sleep(self.rng.exponential(self.drawn["presence_s"]))
            name, show = text_of(6, 10, self.rng), self.rng.choice(["away", "chat"])
            stanza = f"<presence from='{name}@lab.example'><show>{show}</show></presence"
            self._tell(self.online, stanza.encode() + _END)

    async def _relay(self, peer: Peer) -> None:
        while True:
            stanza = await peer.line()
            if stanza.startswith(b"<message"):
                self._tell(self.online - {peer}, stanza)
            elif b"urn:xmpp:ping" in stanza:
                await peer.send(b"<iq type='result' id='ping-1' to='guest@lab.example/phone'/" + _END)

    @staticmethod
    def _tell(peers: set[Peer], stanza: bytes) -> None:
        for peer in peers:
            peer.writer.write(stanza)


async def _serve(site: Site, rng: Generator) -> None:
    server = _Server(site.parameters, rng)
    await together(server.change_presence(), site.listen(server.attend))


async def ping(peer: Peer, period_s: float, with_a_space: bool) -> None:
    """Ping for ever, with a stanza or with the white space that many clients send."""
    stanza = b"<iq type='get' id='ping-1'><ping xmlns='urn:xmpp:ping'/></iq" + _END
    while True:
        await asyncio.sleep(period_s)
        await peer.send(b"\n" if with_a_space else stanza)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await peer.send(b"<stream:stream to='lab.example' version='1.0' xmlns='jabber:client'" + _END)
        pings = [] if drawn["server_pings"] else [ping(peer, drawn["ping_s"], drawn["spaces_only"])]
        await together(_talk(peer, drawn["says_every_s"], rng), _listen(peer), *pings)


async def _talk(peer: Peer, mean_s: float, rng: Generator) -> None:
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        body = f"<message to='room@lab.example' type='chat'><body>{text_of(2, 250, rng)}</body></message"
        await peer.send(body.encode() + _END)


async def _listen(peer: Peer) -> None:
    while True:
        stanza = await peer.line()
        if b"type='get'" in stanza:
            await peer.send(b"<iq type='result' id='ping-1'/" + _END)


_XMPP = Actor("xmpp", "xmpp", _draw, _serve, _visit, ports=(5222,), clients=(3, 6))
ACTORS = (_XMPP, over_tls(_XMPP, (5223, 443)))
