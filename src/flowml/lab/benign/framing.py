"""Messages behind a length of 16 bits: the form of many protocols of a vendor's own making."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer

_LENGTH = struct.Struct(">H")


def framed(n_bytes: int, rng: Generator) -> bytes:
    """Random bytes behind a 16-bit length; ``n_bytes`` of payload in all, at least 2."""
    return packed(rng.bytes(max(n_bytes - _LENGTH.size, 0)))


def marked(kind: bytes, n_bytes: int, rng: Generator) -> bytes:
    """Do as ``framed`` does, with ``kind`` at the beginning of the body."""
    return packed(kind + rng.bytes(max(n_bytes - _LENGTH.size - len(kind), 0)))


def packed(body: bytes) -> bytes:
    """Put the length before a body of less than 64 KiB."""
    return _LENGTH.pack(len(body)) + body


async def read_framed(peer: Peer) -> bytes:
    """Read what ``framed`` or ``packed`` wrote; the body."""
    (n_bytes,) = _LENGTH.unpack(await peer.exactly(_LENGTH.size))
    return await peer.exactly(n_bytes)
