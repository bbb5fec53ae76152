"""Push notification: a connection idle for minutes, small pushes by the server, heartbeats by either side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.telemetry import framed, read_framed
from flowml.lab.rhythm import pause_s, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "push_s": float(rng.choice([15.0, 60.0, 180.0, 400.0])),
        "push_rhythm": str(rng.choice(["random", "bursty"])),
        "push_bytes": int(rng.integers(40, 900)),
        "push_spread_bytes": int(rng.choice([0, 5, 100, 800])),
        "confirms": bool(rng.random() < 0.6),
        "confirmation_bytes": int(rng.choice([8, 30, 90])),
        "heartbeat_s": float(rng.choice([28.0, 60.0, 120.0, 240.0])),
        "heartbeat_bytes": int(rng.choice([2, 12, 40])),
        "server_beats": bool(rng.random() < 0.3),
        "login_bytes": int(rng.integers(100, 900)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await read_framed(peer)
        await peer.send(framed(int(rng.integers(30, 300)), rng))
        beats = [_beat(peer, drawn, rng)] if drawn["server_beats"] else []
        await together(_push(peer, drawn, rng), _listen(peer, not drawn["server_beats"], drawn, rng), *beats)

    await site.listen(attend)


async def _push(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await asyncio.sleep(pause_s(drawn["push_s"], drawn["push_rhythm"], rng))
        await peer.send(
            framed(drawn["push_bytes"] + int(rng.integers(0, drawn["push_spread_bytes"] + 1)), rng)
        )


async def _beat(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await asyncio.sleep(drawn["heartbeat_s"])
        await peer.send(framed(drawn["heartbeat_bytes"], rng))


async def _listen(peer: Peer, echoes: bool, drawn: Mapping[str, Any], rng: Generator) -> None:
    """Read; answer heartbeats if they are the other side's to send."""
    while True:
        heard = await read_framed(peer)
        if echoes and len(heard) == drawn["heartbeat_bytes"] - 2:
            await peer.send(framed(drawn["heartbeat_bytes"], rng))


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await peer.send(framed(drawn["login_bytes"], rng))
        beats = [] if drawn["server_beats"] else [_beat(peer, drawn, rng)]
        await together(_confirm(peer, drawn, rng), *beats)


async def _confirm(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        heard = await read_framed(peer)
        if drawn["confirms"] and len(heard) > drawn["heartbeat_bytes"]:
            await peer.send(framed(drawn["confirmation_bytes"], rng))


_PUSH = Actor("push", "push", _draw, _serve, _visit, ports=(5228,), clients=(2, 6))
ACTORS = (over_tls(_PUSH, (443, 5223, 5228)),)
