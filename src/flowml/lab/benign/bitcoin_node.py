"""Bitcoin-like nodes that do not mine, in the clear or sealed.

Messages (https://developer.bitcoin.org/reference/p2p_networking.html): a header of 24 bytes; inv and getdata
with 36 bytes for each hash; headers of 82; ping and pong of 8 every two minutes from each side. A compact
block (BIP 152) has some 6 bytes for each of its transactions. Between two trickles of announcements pass 5 s
in the mean on inbound connections and 2 s on outbound ones, between addresses 30 s (bitcoin/bitcoin,
src/net_processing.cpp). The sealed transport (BIP 324) replaces header by 3 bytes of length, one of flags,
one of kind and a tag of 16, after two keys of 64 bytes with up to 4,095 bytes of garbage behind them.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters
from flowml.lab.benign.node import Drawn, Form, Kind, draw_node, serve_node, visit_node

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer

_HEADER = struct.Struct("<4s12sI4s")
_MAGIC = b"\xf9\xbe\xb4\xd9"
_NAMES = {
    Kind.HELLO: b"version",
    Kind.WELCOME: b"verack",
    Kind.PING: b"ping",
    Kind.PONG: b"pong",
    Kind.INVENTORY: b"inv",
    Kind.REQUEST: b"getdata",
    Kind.TRANSACTION: b"tx",
    Kind.BLOCK_NEWS: b"headers",
    Kind.BLOCK_REQUEST: b"getblocktxn",
    Kind.BLOCK: b"cmpctblock",
    Kind.ADDRESSES: b"addrv2",
}
_KINDS = {name: kind for kind, name in _NAMES.items()}
_TAG_BYTES = 16
_KEY_BYTES = 64
_CHAINS = ((600.0, 16_000), (150.0, 6_000), (75.0, 4_000), (60.0, 6_000))
"""Seconds between blocks and bytes of a compact block: Bitcoin, Litecoin, Zcash, Dogecoin."""


def _draw(rng: Generator) -> Parameters:
    block_s, block_bytes = _CHAINS[int(rng.integers(len(_CHAINS)))]
    return draw_node(rng, (120.0, 120.0, 120.0, 30.0, 60.0), block_s, block_bytes)


def _draw_sealed(rng: Generator) -> Parameters:
    return {**_draw(rng), "garbage_bytes": int(rng.choice([0, int(rng.integers(0, 4096))]))}


def framed(kind: Kind, body: bytes) -> bytes:
    """Build a message: network, kind, length, checksum, body."""
    return _HEADER.pack(_MAGIC, _NAMES[kind], len(body), b"\x5d\xf6\xe0\xe2") + body


async def _read(peer: Peer) -> tuple[Kind, bytes]:
    _, name, n_bytes, _ = _HEADER.unpack(await peer.exactly(_HEADER.size))
    return _KINDS[name.rstrip(b"\0")], await peer.exactly(n_bytes)


def sealed(kind: Kind, body: bytes) -> bytes:
    """Build a message of BIP 324: length, flags, short kind, body and tag."""
    return struct.pack("<I", len(body) + 1)[:3] + bytes([0, kind]) + body + bytes(_TAG_BYTES)


async def _read_sealed(peer: Peer) -> tuple[Kind, bytes]:
    n_bytes = int.from_bytes(await peer.exactly(3), "little")
    content = await peer.exactly(1 + n_bytes + _TAG_BYTES)
    return Kind(content[1]), content[2:-_TAG_BYTES]


async def _exchange_keys(peer: Peer, drawn: Drawn, rng: Generator, is_client: bool) -> None:
    """Pass the keys with their garbage, then what ends the garbage and an empty message with the version."""
    keys, proof = _KEY_BYTES + drawn["garbage_bytes"], 16 + len(sealed(Kind.HELLO, b"")) - 1
    if is_client:
        await peer.send(rng.bytes(keys))
        await peer.exactly(keys + proof)
        await peer.send(rng.bytes(proof))
    else:
        await peer.exactly(keys)
        await peer.send(rng.bytes(keys + proof))
        await peer.exactly(proof)


_PLAIN = Form(
    framed,
    _read,
    entry_bytes=36,
    news_bytes=82,
    block_request_bytes=37,
    address_bytes=30,
    ping_bytes=8,
    pong_bytes=8,
)
_SEALED = replace(_PLAIN, pack=sealed, read=_read_sealed, greet=_exchange_keys)
_FAMILY, _PORTS, _CLIENTS = "cryptocurrency-node", (8333, 9333, 22556, 8233), (2, 5)
ACTORS = (
    Actor(
        "bitcoin-node",
        _FAMILY,
        _draw,
        partial(serve_node, _PLAIN),
        partial(visit_node, _PLAIN),
        ports=_PORTS,
        clients=_CLIENTS,
    ),
    Actor(
        "bitcoin-node-sealed",
        _FAMILY,
        _draw_sealed,
        partial(serve_node, _SEALED),
        partial(visit_node, _SEALED),
        ports=_PORTS,
        clients=_CLIENTS,
    ),
)
