"""DNS in TLS (RFC 7858): questions and answers filled up to constant sizes, on a connection that is kept.

Questions are padded to multiples of 128 bytes and answers to multiples of 468 (RFC 8467); without padding
they are as long as the names. Bursts come when a page is opened, single ones from devices that ask for the
same name by the clock. A resolver closes what was idle for 10 s to some minutes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.dns import question
from flowml.lab.benign.framing import packed, read_framed
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [2.0, 10.0, 30.0, 60.0]),
        "pads": bool(rng.random() < 0.6),
        "burst": float(rng.choice([1.0, 1.0, 2.0, 8.0])),
        "answer_bytes": int(rng.integers(40, 300)),
        "think_s": round(log_uniform(rng, 0.0005, 0.15), 4),
    }


def padded(n_bytes: int, block_bytes: int) -> int:
    """Size of a message that is filled up to a multiple of ``block_bytes``."""
    return -(-n_bytes // block_bytes) * block_bytes


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            asked = await read_framed(peer)
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            n_bytes = len(asked) // 2 + drawn["answer_bytes"] + 16 * int(rng.poisson(1.0))
            await peer.send(packed(rng.bytes(padded(n_bytes, 468) if drawn["pads"] else n_bytes)))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        while True:
            for _ in range(int(rng.geometric(1.0 / drawn["burst"]))):
                name = f"{'x' * int(rng.integers(2, 30))}.service.example"
                asked = question(int(rng.integers(2**16)), name)[2:]
                filling = bytes(padded(len(asked), 128) - len(asked)) if drawn["pads"] else b""
                await peer.send(packed(asked + filling))
                await read_framed(peer)
            await pause(drawn, rng)


ACTORS = (
    over_tls(Actor("dns-sealed", "dns", _draw, _serve, _visit, ports=(853,), clients=(2, 5)), (853, 443)),
)
