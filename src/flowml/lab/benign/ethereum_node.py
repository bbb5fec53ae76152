"""Ethereum-like nodes that do not mine: devp2p's sealed frames, and libp2p's, of the other half of a node.

RLPx (https://github.com/ethereum/devp2p/blob/master/rlpx.md): after an auth and an ack of some 400 to 600
bytes, a frame is a header of 16 bytes with a code of 16, the body filled up to 16 and a code of 16: the least
frame, and so a ping, has 64 bytes. Pings go out every 15 s from both sides (ethereum/go-ethereum,
p2p/peer.go). Transactions are announced with 38 bytes each (eth/68: hash, size, kind), a new one about every
0.1 s in the whole network. Other chains of the same stack have blocks every 2 to 15 s.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters
from flowml.lab.benign.framing import framed, read_framed
from flowml.lab.benign.node import Drawn, Form, Kind, draw_node, serve_node, visit_node

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer

_BLOCK_BYTES = 16
_HEAD = struct.Struct("<IB11x")


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_node(
            rng, (15.0, 15.0, 15.0, 20.0, 30.0), float(rng.choice([2.0, 3.0, 12.0, 13.0, 60.0])), 4000
        ),
        "transactions_s": float(rng.choice([0.3, 1.0, 5.0, 60.0])),
        "transaction_bytes": int(rng.choice([110, 130, 300])),
        "address_s": 0.0,
        "hello_bytes": int(rng.integers(90, 200)),
    }


def sealed(kind: Kind, body: bytes) -> bytes:
    """Build a frame: header, its code, the body filled up to whole blocks, its code."""
    content = bytes([kind]) + body
    content += bytes(-len(content) % _BLOCK_BYTES)
    return _HEAD.pack(len(body), kind) + bytes(_BLOCK_BYTES) + content + bytes(_BLOCK_BYTES)


async def _read(peer: Peer) -> tuple[Kind, bytes]:
    n_bytes, kind = _HEAD.unpack((await peer.exactly(2 * _BLOCK_BYTES))[:_BLOCK_BYTES])
    filled = -(-(1 + n_bytes) // _BLOCK_BYTES) * _BLOCK_BYTES
    return Kind(kind), (await peer.exactly(filled + _BLOCK_BYTES))[1 : 1 + n_bytes]


async def _agree(peer: Peer, drawn: Drawn, rng: Generator, is_client: bool) -> None:
    """Exchange auth and ack (EIP-8: a size before a sealed body that is filled up by 100 to 300 bytes)."""
    del drawn
    if is_client:
        await peer.send(framed(307 + int(rng.integers(100, 300)), rng))
        await read_framed(peer)
    else:
        await read_framed(peer)
        await peer.send(framed(210 + int(rng.integers(100, 300)), rng))


_FORM = Form(
    sealed,
    _read,
    entry_bytes=38,
    news_bytes=40,
    block_request_bytes=45,
    address_bytes=30,
    ping_bytes=3,
    pong_bytes=3,
    greet=_agree,
)
ACTORS = (
    Actor(
        "ethereum-node",
        "cryptocurrency-node",
        _draw,
        partial(serve_node, _FORM),
        partial(visit_node, _FORM),
        ports=(30303, 30303, 30304, 31303),
        clients=(2, 5),
    ),
)
