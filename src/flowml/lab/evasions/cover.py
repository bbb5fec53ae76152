"""Cover requests: HTTP on the same connection, so that it looks like somebody's browsing.

The miner's end asks for pages, some at a time and then none for a while, and the pool's end answers with 0.5
to 40 kB. A look at pages comes every 120 s (weak), 30 s (middle) or 8 s (strong) in the mean.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.evasions.disguise import Disguise, disguised, suits_streams
from flowml.lab.evasions.evasion import Evasion
from flowml.lab.evasions.frames import Kind

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Actor
    from flowml.lab.evasions.disguise import Line

_MEAN_S = {"weak": 120.0, "middle": 30.0, "strong": 8.0}
_PIECE_BYTES = 16_000


def request(rng: Generator) -> bytes:
    """Build what a browser asks."""
    path, cookie = rng.bytes(int(rng.integers(4, 30))).hex(), rng.bytes(int(rng.integers(20, 250))).hex()
    head = f"GET /{path} HTTP/1.1\r\nHost: www.example\r\nUser-Agent: Mozilla/5.0\r\nCookie: s={cookie}"
    return f"{head}\r\n\r\n".encode()


def page(asked: bytes, rng: Generator) -> list[bytes]:
    """Build the answer, in pieces."""
    del asked
    n_bytes = int(min(max(rng.lognormal(8.5, 1.0), 500), 40_000))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {n_bytes}\r\n\r\n".encode()
    answer = head + rng.bytes(n_bytes)
    return [answer[at : at + _PIECE_BYTES] for at in range(0, len(answer), _PIECE_BYTES)]


async def _browse(mean_s: float, line: Line, rng: Generator) -> None:
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        for _ in range(int(rng.integers(1, 6))):
            await line.send(Kind.ASK, request(rng))
            await asyncio.sleep(rng.exponential(0.3))


def _apply(actor: Actor, strength: str) -> Actor:
    browse = partial(_browse, _MEAN_S[strength])
    return disguised(actor, Disguise(miner_besides=browse, answer=page))


EVASIONS = (Evasion("cover", _apply, suits_streams),)
