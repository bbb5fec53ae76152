"""Device telemetry of a vendor's own making: small constant messages, acknowledged or not, over long lives.

The hardest look-alike of mining: a long, quiet connection on which sizes hardly vary. So nearly everything is
drawn: who starts, sizes, periods, jitter, acknowledgements, commands that the server pushes.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_LENGTH = struct.Struct(">H")


def _draw(rng: Generator) -> Parameters:
    return {
        "period_s": float(rng.choice([2.0, 5.0, 10.0, 20.0, 30.0, 60.0])),
        "jitter_ratio": float(rng.choice([0.0, 0.0, 0.1, 1.0])),
        "message_bytes": int(rng.integers(16, 600)),
        "message_spread_bytes": int(rng.choice([0, 0, 2, 40])),
        "acknowledgement_bytes": int(rng.choice([0, 4, 16, 64, 120])),
        "server_speaks_first": bool(rng.random() < 0.3),
        "push_s": float(rng.choice([0.0, 0.0, 20.0, 60.0, 180.0])),
        "push_bytes": int(rng.integers(20, 700)),
        "push_spread_bytes": int(rng.choice([0, 0, 10, 100])),
        "think_s": float(rng.uniform(0.0005, 0.2)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        if drawn["server_speaks_first"]:
            await peer.send(framed(int(drawn["push_bytes"]), rng))
        async with asyncio.TaskGroup() as group:
            group.create_task(_acknowledge(peer, drawn["acknowledgement_bytes"], drawn["think_s"], rng))
            if drawn["push_s"]:
                group.create_task(_push(peer, site, rng))

    await site.listen(attend)


async def _acknowledge(peer: Peer, n_bytes: int, think_s: float, rng: Generator) -> None:
    while True:
        await read_framed(peer)
        if n_bytes:
            await asyncio.sleep(rng.exponential(think_s))
            await peer.send(framed(n_bytes, rng))


async def _push(peer: Peer, site: Site, rng: Generator) -> None:
    drawn = site.parameters
    while True:
        await asyncio.sleep(rng.exponential(drawn["push_s"]))
        await peer.send(
            framed(drawn["push_bytes"] + int(rng.integers(0, drawn["push_spread_bytes"] + 1)), rng)
        )


async def _visit(site: Site, rng: Generator) -> None:
    async with site.connected() as peer, asyncio.TaskGroup() as group:
        group.create_task(_report(peer, site, rng))
        group.create_task(_listen(peer))


async def _report(peer: Peer, site: Site, rng: Generator) -> None:
    drawn = site.parameters
    await peer.send(framed(int(rng.integers(60, 500)), rng))  # who I am
    while True:
        await asyncio.sleep(drawn["period_s"] * (1.0 + drawn["jitter_ratio"] * rng.uniform(-0.9, 1.0)))
        n_bytes = drawn["message_bytes"] + int(rng.integers(0, drawn["message_spread_bytes"] + 1))
        await peer.send(framed(n_bytes, rng))


async def _listen(peer: Peer) -> None:
    while True:
        await read_framed(peer)


def framed(n_bytes: int, rng: Generator) -> bytes:
    """Random bytes behind a 16-bit length; ``n_bytes`` of payload in all, at least 2."""
    body = rng.bytes(max(n_bytes - _LENGTH.size, 0))
    return _LENGTH.pack(len(body)) + body


async def read_framed(peer: Peer) -> bytes:
    """Read what ``framed`` wrote."""
    (n_bytes,) = _LENGTH.unpack(await peer.exactly(_LENGTH.size))
    return await peer.exactly(n_bytes)


_TELEMETRY = Actor("telemetry", "telemetry", _draw, _serve, _visit, ports=(4000, 5683, 9123), clients=(2, 6))
ACTORS = (_TELEMETRY, over_tls(_TELEMETRY, (443, 8443, 9443)))
