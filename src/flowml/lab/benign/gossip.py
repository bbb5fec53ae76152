"""A cryptocurrency node that does not mine: peers that tell of transactions and blocks, and ping each other.

Messages have Bitcoin's form (https://developer.bitcoin.org/reference/p2p_networking.html): a header of 24
bytes; inv, getdata, tx, block; ping and pong of 8 bytes every two minutes.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_HEADER = struct.Struct("<4s12sI4s")
_MAGIC = b"\xf9\xbe\xb4\xd9"
_INVENTORY_BYTES = 36


def _draw(rng: Generator) -> Parameters:
    return {
        "ping_s": float(rng.choice([30.0, 120.0, 120.0])),
        "transaction_s": float(rng.choice([2.0, 8.0, 40.0])),
        "block_s": float(rng.choice([60.0, 120.0, 600.0])),
        "transaction_bytes": float(rng.choice([220.0, 250.0, 400.0])),
        "block_bytes": int(rng.choice([3_000, 15_000, 40_000])),
        "wants_ratio": float(rng.uniform(0.1, 0.9)),
    }


def framed(kind: str, body: bytes) -> bytes:
    """Build a message: network, kind, length, checksum, body."""
    return _HEADER.pack(_MAGIC, kind.encode(), len(body), b"\x5d\xf6\xe0\xe2") + body


async def _read(peer: Peer) -> tuple[str, bytes]:
    _, kind, n_bytes, _ = _HEADER.unpack(await peer.exactly(_HEADER.size))
    return kind.rstrip(b"\0").decode(), await peer.exactly(n_bytes)


async def _node(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    await peer.send(framed("version", rng.bytes(int(rng.integers(100, 130)))))
    await together(_heed(peer, drawn, rng), _announce(peer, drawn, rng), _ping(peer, drawn["ping_s"], rng))


async def _heed(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        kind, body = await _read(peer)
        if kind == "version":
            await peer.send(
                framed("verack", b"") + framed("sendheaders", b"") + framed("feefilter", bytes(8))
            )
        elif kind == "ping":
            await peer.send(framed("pong", body))
        elif kind == "inv" and rng.random() < drawn["wants_ratio"]:
            await peer.send(framed("getdata", body))
        elif kind == "getdata":
            await _deliver(peer, is_block=body[1:2] == b"\x02", drawn=drawn, rng=rng)


async def _deliver(peer: Peer, is_block: bool, drawn: Mapping[str, Any], rng: Generator) -> None:
    if is_block:
        await peer.send(framed("block", rng.bytes(int(drawn["block_bytes"] * rng.uniform(0.3, 1.0)))))
    else:
        await peer.send(framed("tx", rng.bytes(int(drawn["transaction_bytes"] * rng.lognormal(0.0, 0.4)))))


async def _announce(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        to_block_s, to_transaction_s = (
            rng.exponential(drawn["block_s"]),
            rng.exponential(drawn["transaction_s"]),
        )
        await asyncio.sleep(min(to_block_s, to_transaction_s))
        if to_block_s < to_transaction_s:
            await peer.send(framed("inv", b"\x01\x02" + rng.bytes(_INVENTORY_BYTES - 1)))
        else:
            n_hashes = int(rng.geometric(0.5))
            await peer.send(
                framed("inv", bytes([n_hashes]) + (b"\x01" + rng.bytes(_INVENTORY_BYTES - 1)) * n_hashes)
            )


async def _ping(peer: Peer, period_s: float, rng: Generator) -> None:
    while True:
        await peer.send(framed("ping", rng.bytes(8)))
        await asyncio.sleep(period_s)


async def _serve(site: Site, rng: Generator) -> None:
    async def attend(peer: Peer) -> None:
        await _node(peer, site.parameters, rng)

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    async with site.connected() as peer:
        await _node(peer, site.parameters, rng)


ACTORS = (
    Actor("gossip", "cryptocurrency-node", _draw, _serve, _visit, ports=(8333, 18080, 30303), clients=(2, 5)),
)
