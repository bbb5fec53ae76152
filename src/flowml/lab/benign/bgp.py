"""BGP sessions: keepalives of 19 bytes from both sides, and updates now and then (RFC 4271 4)."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_MARKER = b"\xff" * 16
_OPEN, _UPDATE, _KEEPALIVE = 1, 2, 4


def _draw(rng: Generator) -> Parameters:
    return {
        "keepalive_s": float(rng.choice([3.0, 10.0, 30.0, 60.0])),
        "update_s": float(rng.choice([10.0, 60.0, 300.0])),
        "update_bytes": int(rng.integers(30, 200)),
        "update_spread_bytes": int(rng.choice([0, 20, 200])),
        "first_updates": int(rng.choice([0, 5, 100])),
    }


def framed(kind: int, body: bytes) -> bytes:
    """Build a message: marker, length with the header, kind, body."""
    return _MARKER + struct.pack(">HB", 19 + len(body), kind) + body


async def _speak(peer: Peer, site: Site, rng: Generator) -> None:
    drawn = site.parameters
    await peer.send(framed(_OPEN, rng.bytes(10 + int(rng.integers(0, 40)))))
    await together(_keep_alive(peer, drawn["keepalive_s"], rng), _update(peer, site, rng), _listen(peer))


async def _keep_alive(peer: Peer, period_s: float, rng: Generator) -> None:
    while True:
        await peer.send(framed(_KEEPALIVE, b""))
        await asyncio.sleep(period_s * rng.uniform(0.75, 1.0))  # the jitter of RFC 4271, 10


async def _update(peer: Peer, site: Site, rng: Generator) -> None:
    drawn, n_first = site.parameters, site.parameters["first_updates"]
    while True:
        n_first -= 1
        await asyncio.sleep(0.02 if n_first > 0 else rng.exponential(drawn["update_s"]))
        n_bytes = drawn["update_bytes"] + int(rng.integers(0, drawn["update_spread_bytes"] + 1))
        await peer.send(framed(_UPDATE, rng.bytes(n_bytes)))


async def _listen(peer: Peer) -> None:
    while True:
        head = await peer.exactly(19)
        await peer.exactly(int.from_bytes(head[16:18], "big") - 19)


async def _serve(site: Site, rng: Generator) -> None:
    async def attend(peer: Peer) -> None:
        await _speak(peer, site, rng)

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    async with site.connected() as peer:
        await _speak(peer, site, rng)


ACTORS = (Actor("bgp", "bgp", _draw, _serve, _visit, ports=(179,), clients=(1, 2)),)
