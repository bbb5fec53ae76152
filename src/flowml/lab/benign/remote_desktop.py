"""Remote desktops, mostly idle: a clock that changes, a pointer that moves, a screen that is repainted.

RFB (RFC 6143): the client asks for an update with 10 bytes and asks again when it got one; pointer events
have 6 bytes, key events 8; an update has 4 bytes, 12 for each rectangle, and its pixels. An idle screen
changes each second or minute by a few hundred bytes. RDP and others do the same in TLS, with heartbeats.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_UPDATE_REQUEST = struct.pack(">BBHHHH", 3, 1, 0, 0, 1280, 800)
_EVENT_BYTES = {3: 10, 4: 8, 5: 6}
_ZRLE = 16
_GREETING = b"RFB 003.008\n"


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [1.0, 1.0, 10.0, 60.0], ("steady", "jittered", "bursty")),
        "change_bytes": int(log_uniform(rng, 60, 3000)),
        "change_spread": str(rng.choice(["digits", "uniform", "heavy"])),
        "active_s": float(rng.choice([15.0, 60.0, 400.0])),
        "gesture_events": float(rng.choice([5.0, 25.0, 60.0])),
        "repaint_bytes": int(log_uniform(rng, 2000, 30_000)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await peer.send(_GREETING)
        await peer.line()
        await peer.send(rng.bytes(24 + 20))
        wanted = asyncio.Event()
        await together(_paint(peer, wanted, drawn, rng), _heed(peer, wanted, drawn, rng))

    await site.listen(attend)


def update(n_bytes: int, rng: Generator) -> bytes:
    """Build an update of one rectangle in ZRLE, whose pixels have a length before them."""
    return struct.pack(">BBHHHHHiI", 0, 0, 1, 0, 0, 64, 64, _ZRLE, n_bytes) + rng.bytes(n_bytes)


async def _paint(peer: Peer, wanted: asyncio.Event, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await wanted.wait()
        await pause(drawn, rng)
        wanted.clear()
        await peer.send(update(size_of(drawn["change_bytes"], drawn["change_spread"], rng), rng))


async def _heed(peer: Peer, wanted: asyncio.Event, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        kind = (await peer.exactly(1))[0]
        await peer.exactly(_EVENT_BYTES[kind] - 1)
        if kind == 3:
            wanted.set()
        elif kind == 4:  # a key: something is repainted at once
            await peer.send(update(size_of(drawn["repaint_bytes"] // 8, "heavy", rng), rng))


async def _visit(site: Site, rng: Generator) -> None:
    async with site.connected() as peer:
        await peer.line()
        await peer.send(_GREETING)
        await peer.exactly(44)
        await peer.send(_UPDATE_REQUEST)
        await together(_watch(peer), _work(peer, site.parameters, rng))


async def _watch(peer: Peer) -> None:
    while True:
        head = await peer.exactly(20)
        await peer.exactly(int.from_bytes(head[16:20], "big"))
        await peer.send(_UPDATE_REQUEST)


async def _work(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await asyncio.sleep(rng.exponential(drawn["active_s"]))
        for _ in range(int(rng.geometric(1.0 / drawn["gesture_events"]))):
            is_key = rng.random() < 0.3
            await peer.send(b"\x04" + rng.bytes(7) if is_key else b"\x05" + rng.bytes(5))
            await asyncio.sleep(rng.exponential(0.12))


_DESKTOP = Actor(
    "remote-desktop", "remote-desktop", _draw, _serve, _visit, ports=(5900, 5901), clients=(1, 3)
)
ACTORS = (_DESKTOP, over_tls(_DESKTOP, (443, 3389)))
