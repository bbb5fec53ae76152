"""XMPP: messages, presence of all the others, and pings of either side (RFC 6120, XEP-0199)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.room import Room, draw_talk, repeat, talk
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_END = b">\n"  # stanzas of the lab end a line, which XML allows, so that both sides know where they end
_PING = b"<iq type='get' id='ping-1'><ping xmlns='urn:xmpp:ping'/></iq" + _END
_SPACE = b"\n"  # the white space that many send instead


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_talk(rng),
        "ping_s": float(rng.choice([30.0, 60.0, 120.0, 300.0])),
        "server_pings": bool(rng.random() < 0.5),
        "presence_s": float(rng.choice([20.0, 60.0, 240.0])),
        "roster_bytes": int(rng.integers(200, 6000)),
        "spaces_only": bool(rng.random() < 0.2),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn, room = site.parameters, Room()

    async def attend(peer: Peer) -> None:
        await peer.line()
        roster = text_of(drawn["roster_bytes"], 50, rng)
        await peer.send(f"<stream:features><roster>{roster}</roster".encode() + _END)
        with room.joined(peer):
            await together(_relay(peer, room), *_pings(peer, site, by_server=True))

    await together(_change_presence(room, drawn["presence_s"], rng), site.listen(attend))


def _pings(peer: Peer, site: Site, *, by_server: bool) -> list[Coroutine[Any, Any, None]]:
    drawn = site.parameters
    if drawn["server_pings"] != by_server:
        return []
    return [repeat(peer, drawn["ping_s"], _SPACE if drawn["spaces_only"] else _PING)]


async def _change_presence(room: Room, mean_s: float, rng: Generator) -> None:
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        name, show = text_of(6, 10, rng), rng.choice(["away", "chat"])
        room.tell(f"<presence from='{name}@lab.example'><show>{show}</show></presence".encode() + _END)


async def _relay(peer: Peer, room: Room) -> None:
    while True:
        stanza = await peer.line()
        if stanza.startswith(b"<message"):
            room.tell(stanza, but=peer)
        elif b"urn:xmpp:ping" in stanza:
            await peer.send(b"<iq type='result' id='ping-1' to='guest@lab.example/phone'/" + _END)


async def _visit(site: Site, rng: Generator) -> None:
    mean_s = site.parameters["says_every_s"]
    async with site.connected() as peer:
        await peer.send(b"<stream:stream to='lab.example' version='1.0' xmlns='jabber:client'" + _END)
        pings = _pings(peer, site, by_server=False)
        await together(talk(peer, mean_s, lambda: _said(rng), rng), _listen(peer), *pings)


def _said(rng: Generator) -> str:
    body = f"<body>{text_of(2, 250, rng)}</body>"
    return f"<message to='room@lab.example' type='chat'>{body}</message>\n"


async def _listen(peer: Peer) -> None:
    while True:
        stanza = await peer.line()
        if b"type='get'" in stanza:
            await peer.send(b"<iq type='result' id='ping-1'/" + _END)


_XMPP = Actor("xmpp", "xmpp", _draw, _serve, _visit, ports=(5222,), clients=(3, 6))
ACTORS = (_XMPP, over_tls(_XMPP, (5223, 443)))
