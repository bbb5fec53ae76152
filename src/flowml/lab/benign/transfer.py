"""File transfer and backup: pieces that are confirmed, until a file is over, and quiet until the next one.

Sync clients compare by hash and send what changed; FTP's control connection says 226 and waits, kept alive
with NOOP each minute; backup sends pieces of constant size, each confirmed (RFC 959; rsync; restic-like).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.framing import framed, marked, read_framed
from flowml.lab.benign.sizes import LARGEST_BYTES, log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "file_s": round(log_uniform(rng, 5.0, 240.0), 1),
        "pieces": float(rng.choice([1.0, 3.0, 10.0])),
        "piece_bytes": int(log_uniform(rng, 300, LARGEST_BYTES)),
        "piece_s": round(log_uniform(rng, 0.05, 3.0), 3),
        "confirmation_bytes": int(rng.choice([2, 8, 24, 60])),
        "control_bytes": int(rng.integers(20, 300)),
        "beat_s": float(rng.choice([30.0, 60.0, 120.0])),
        "is_download": bool(rng.random() < 0.5),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            asked = await read_framed(peer)
            if asked[:1] == b"g":
                await peer.send(framed(int(drawn["piece_bytes"] * rng.uniform(0.9, 1.0)), rng))
            else:
                await peer.send(framed(drawn["confirmation_bytes"], rng))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        while True:
            await _ask(peer, b"c", drawn["control_bytes"], rng)
            for _ in range(int(rng.geometric(1.0 / drawn["pieces"]))):
                await asyncio.sleep(rng.exponential(drawn["piece_s"]))
                is_get = drawn["is_download"]
                await _ask(peer, b"g" if is_get else b"p", 30 if is_get else drawn["piece_bytes"], rng)
            left_s = float(rng.exponential(drawn["file_s"]))
            while left_s > drawn["beat_s"]:
                await asyncio.sleep(drawn["beat_s"])
                left_s -= drawn["beat_s"]
                await _ask(peer, b"b", 6, rng)
            await asyncio.sleep(left_s)


async def _ask(peer: Peer, kind: bytes, n_bytes: int, rng: Generator) -> None:
    await peer.send(marked(kind, n_bytes, rng))
    await read_framed(peer)


_TRANSFER = Actor("transfer", "transfer", _draw, _serve, _visit, ports=(21, 873, 8022), clients=(1, 3))
ACTORS = (_TRANSFER, over_tls(_TRANSFER, (443, 990)))
