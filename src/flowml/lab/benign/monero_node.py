"""Monero-like nodes that do not mine: the neighbours that a miner of Monero has on its own host.

Every message stands behind levin's header of 33 bytes (monero-project/monero, contrib/epee/include/net/
levin_base.h). Every 60 s the connecting side asks for the other's state and is given peers with it (timed
sync; P2P_DEFAULT_HANDSHAKE_INTERVAL, and up to P2P_DEFAULT_PEERS_IN_HANDSHAKE = 250 of some 40 bytes);
transactions are sent unasked, gathered for 2.5 s in the mean to outbound peers and 5 s to inbound ones
(CRYPTONOTE_DANDELIONPP_FLUSH_AVERAGE, src/cryptonote_config.h), each of 1.5 to 2.5 kB; a fluffy block comes
every 120 s.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters
from flowml.lab.benign.node import Form, Kind, draw_node, serve_node, visit_node

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer

_HEADER = struct.Struct("<QQBIIII")
_SIGNATURE = 0x0101010101012101
_COMMANDS = {
    Kind.HELLO: 1001,
    Kind.WELCOME: 1001,
    Kind.SYNC: 1002,
    Kind.SYNCED: 1002,
    Kind.PING: 1003,
    Kind.PONG: 1003,
    Kind.BLOCK: 2008,
    Kind.TRANSACTION: 2002,
    Kind.BLOCK_NEWS: 2006,
    Kind.BLOCK_REQUEST: 2009,
    Kind.ADDRESSES: 1007,
}


def _draw(rng: Generator) -> Parameters:
    state_bytes = int(rng.integers(150, 290))
    n_peers = int(rng.choice([0, 0, 20, 250]))
    return {
        **draw_node(rng, (0.0,), block_s=120.0, block_bytes=int(rng.choice([400, 1500, 6000]))),
        "transaction_bytes": int(rng.choice([1540, 1540, 2200])),
        "transactions_s": float(rng.choice([2.5, 4.0, 10.0, 60.0])),
        "trickle_s": float(rng.choice([2.5, 5.0])),
        "unasked_ratio": 1.0,
        "address_s": 0.0,
        "hello_bytes": state_bytes + int(rng.integers(60, 120)),
        "sync_s": float(rng.choice([60.0, 60.0, 60.0, 20.0])),
        "sync_bytes": state_bytes,
        "synced_bytes": state_bytes + 40 * n_peers,
    }


def framed(kind: Kind, body: bytes) -> bytes:
    """Build a message; the flags say what the command's number leaves open."""
    return _HEADER.pack(_SIGNATURE, len(body), 0, _COMMANDS[kind], 0, int(kind), 1) + body


async def _read(peer: Peer) -> tuple[Kind, bytes]:
    _, n_bytes, _, _, _, kind, _ = _HEADER.unpack(await peer.exactly(_HEADER.size))
    return Kind(kind), await peer.exactly(n_bytes)


_FORM = Form(
    framed,
    _read,
    entry_bytes=0,
    news_bytes=60,
    block_request_bytes=90,
    address_bytes=40,
    ping_bytes=10,
    pong_bytes=40,
)
ACTORS = (
    Actor(
        "monero-node",
        "cryptocurrency-node",
        _draw,
        partial(serve_node, _FORM),
        partial(visit_node, _FORM),
        ports=(18080, 18080, 34567),
        clients=(2, 5),
    ),
)
