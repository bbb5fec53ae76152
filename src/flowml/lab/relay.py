"""Relays: what comes in at one connection goes out at another, as at a proxy, perhaps some time later."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from flowml.lab.peer import GONE, Peer
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from flowml.lab.site import Site

CHUNK_BYTES = 16_384
_MOST_CHUNKS = 64


async def exchange(one: Peer, other: Peer, delay_s: float = 0.0) -> None:
    """Pass on what each of two connections brings, until one of them ends: then EOFError, in a group.

    Parameters
    ----------
    one, other
        The connections.
    delay_s
        How long everything is on its way from one to the other.
    """
    await together(_pump(one, other, delay_s), _pump(other, one, delay_s))


async def relay(site: Site, inner: Site, greet: Callable[[Peer], Awaitable[None]], delay_s: float) -> None:
    """Stand at ``site``'s endpoint, greet who comes, and connect them with ``inner``'s, for ever."""

    async def attend(peer: Peer) -> None:
        await greet(peer)
        async with inner.connected() as server:
            await exchange(peer, server, delay_s)

    await site.listen(attend)


async def greet_nobody(peer: Peer) -> None:
    """Say nothing first."""
    del peer


async def local_pair() -> tuple[socket.socket, Peer]:
    """Two ends of a connection within this process: a socket to give away, and the peer for its relay."""
    away, here = socket.socketpair()
    away.setblocking(False)
    return away, Peer(*await asyncio.open_connection(sock=here))


async def until_gone(exchanging: Awaitable[None], *ends: Peer) -> None:
    """Exchange until a connection breaks, then close both; what breaks is no failure of the relay."""
    try:
        await exchanging
    except* GONE:
        pass
    finally:
        for end in ends:
            end.close()


async def _pump(source: Peer, sink: Peer, delay_s: float) -> None:
    if not delay_s:
        while chunk := await source.reader.read(CHUNK_BYTES):
            await sink.send(chunk)
        raise EOFError
    now_s = asyncio.get_running_loop().time
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_CHUNKS)

    async def take() -> None:
        chunk = b"first"
        while chunk:
            chunk = await source.reader.read(CHUNK_BYTES)
            await waiting.put((now_s() + delay_s, chunk))

    async def give() -> None:
        while True:
            due_s, chunk = await waiting.get()
            await asyncio.sleep(due_s - now_s())
            if not chunk:
                raise EOFError
            await sink.send(chunk)

    await together(take(), give())
