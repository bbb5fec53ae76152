"""HTTP/2 (RFC 9113): frames, how a connection begins, what both sides do besides messages."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from numpy.random import Generator

    from flowml.lab.peer import Peer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
ACK = END_STREAM = 1
END_HEADERS = 4
_OF_A_STREAM = frozenset({DATA, HEADERS})
_SETTING_BYTES = 6
_LARGEST_FRAME_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Received:
    """A request or a response that was read: sizes of its fields, as compressed, and of its body."""

    fields_bytes: int
    body_bytes: int


def frame(kind: int, flags: int, body: bytes) -> bytes:
    """Build a frame on stream 1, or 0 where the kind belongs to the connection."""
    stream = 1 if kind in _OF_A_STREAM else 0
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


async def read_frame(peer: Peer) -> tuple[int, int, bytes]:
    """Read a frame: its kind, flags and body."""
    head = await peer.exactly(9)
    return head[3], head[4], await peer.exactly(int.from_bytes(head[:3], "big"))


def message(fields_bytes: int, body_bytes: int, rng: Generator) -> bytes:
    """Build a request or a response: compressed fields, and a body, if any, in frames of at most 16 KiB."""
    ends = END_HEADERS if body_bytes else END_HEADERS | END_STREAM
    parts = [frame(HEADERS, ends, rng.bytes(fields_bytes))]
    for start in range(0, body_bytes, _LARGEST_FRAME_BYTES):
        n_bytes = min(body_bytes - start, _LARGEST_FRAME_BYTES)
        is_last = start + n_bytes == body_bytes
        parts.append(frame(DATA, END_STREAM if is_last else 0, rng.bytes(n_bytes)))
    return b"".join(parts)


async def open_as_client(peer: Peer, n_settings: int) -> None:
    """Say what a client says first."""
    settings = frame(SETTINGS, 0, bytes(_SETTING_BYTES * n_settings))
    await peer.send(PREFACE + settings + frame(WINDOW_UPDATE, 0, bytes(4)))


async def open_as_server(peer: Peer, n_settings: int) -> None:
    """Hear what a client says first, and answer it."""
    await peer.exactly(len(PREFACE))
    await peer.send(frame(SETTINGS, 0, bytes(_SETTING_BYTES * n_settings)))


async def heed(
    peer: Peer, patience_s: float, attend: Callable[[Received], Coroutine[None, None, None]] | None = None
) -> None:
    """Read for ever: acknowledge settings and pings, and attend to each message when it is complete.

    Messages are attended to side by side. A connection on which nothing comes for ``patience_s`` is told to
    go (GOAWAY) and closed.
    """
    n_bytes = {HEADERS: 0, DATA: 0}
    async with asyncio.TaskGroup() as group:
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    kind, flags, body = await read_frame(peer)
            except TimeoutError:
                await peer.send(frame(GOAWAY, 0, bytes(8)))
                raise
            if kind in {SETTINGS, PING} and not flags & ACK:
                await peer.send(frame(kind, ACK, body if kind == PING else b""))
            elif kind in n_bytes:
                n_bytes[kind] += len(body)
                if flags & END_STREAM:
                    if attend is not None:
                        group.create_task(attend(Received(n_bytes[HEADERS], n_bytes[DATA])))
                    n_bytes = {HEADERS: 0, DATA: 0}


async def ping(peer: Peer, period_s: float, rng: Generator) -> None:
    """Send a ping by the clock; with a period of 0, none."""
    while period_s:
        await asyncio.sleep(period_s)
        await peer.send(frame(PING, 0, rng.bytes(8)))
