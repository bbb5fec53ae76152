"""Frames: what the miner's helper and the pool's helper say to each other.

An evasion that changes the stream needs a helper at both ends: beside the miner, as malware and miners'
proxies have it, and before the pool, as a private pool or its proxy can. Between them go frames of a header,
data and padding; the pool and the miner see their own protocol and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer

_HEADER = struct.Struct(">BIHH")  # kind, number, bytes of data, bytes of padding
HEADER_BYTES = _HEADER.size
_SESSION = struct.Struct(">QB")


class Kind(IntEnum):
    """What a frame is for."""

    HELLO = 0
    """The first of a connection: the session it belongs to, and of how many connections that is."""

    DATA = 1
    """A piece of the miner's or the pool's own protocol."""

    DUMMY = 2
    """Nothing; thrown away."""

    ASK = 3
    """A cover request, which the other end answers with dummies."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it was read."""

    kind: Kind
    number: int
    data: bytes


def frame(kind: Kind, number: int, data: bytes, n_padding_bytes: int, rng: Generator) -> bytes:
    """Build a frame; its size is that of header, data and padding."""
    return _HEADER.pack(kind, number, len(data), n_padding_bytes) + data + rng.bytes(n_padding_bytes)


async def read_frame(peer: Peer) -> Frame:
    """Read what ``frame`` built; EOFError at the end."""
    kind, number, n_data_bytes, n_padding_bytes = _HEADER.unpack(await peer.exactly(HEADER_BYTES))
    data = await peer.exactly(n_data_bytes)
    await peer.exactly(n_padding_bytes)
    return Frame(Kind(kind), number, data)


def hello(session: int, n_connections: int) -> bytes:
    """Build the data of the first frame of a connection."""
    return _SESSION.pack(session, n_connections)


def read_hello(data: bytes) -> tuple[int, int]:
    """Session and number of connections in a first frame."""
    session, n_connections = _SESSION.unpack(data)
    return session, n_connections
