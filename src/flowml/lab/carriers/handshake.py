"""What the proxies share: where a client wants to go, and reading an answer without a byte too many."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from flowml.lab.relay import relay
from flowml.lab.rhythm import background

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable

    from numpy.random import Generator

    from flowml.lab.actor import Parameters
    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

    Greeting = Callable[[Peer], Awaitable[None]]
    Asking = Callable[[socket.socket], Awaitable[None]]


def draw_target(rng: Generator) -> Parameters:
    """Draw the name for which clients ask, and how far the server is from the proxy, one way."""
    letters = rng.choice(list("abcdefghijklmnopqrstuvwxyz"), size=int(rng.integers(5, 20)))
    return {
        "target_name": f"{''.join(letters)}.example",
        "target_port": int(rng.choice([443, 443, 3333, 5222, 8080, 14444])),
        "detour_s": float(rng.choice([0.0005, rng.uniform(0.002, 0.1)])),
    }


@asynccontextmanager
async def proxy(site: Site, greet: Greeting) -> AsyncIterator[Site]:
    """Run a proxy before the site's server: greet, wait as long as its own connecting takes, relay."""
    inner, detour_s = site.inside(), float(site.parameters["detour_s"])
    async with background() as start:
        start(relay(replace(site, certificate=None), replace(inner, certificate=None), greet, detour_s))
        yield inner


@asynccontextmanager
async def through_proxy(site: Site, ask: Asking) -> AsyncIterator[Site]:
    """Connect to the proxy and ask for the way on, whenever a connection is wanted."""

    async def dial(endpoint: tuple[str, int]) -> socket.socket:
        del endpoint  # the proxy stands for one server, whatever its clients call it
        link = await site.connected_socket()
        try:
            await ask(link)
        except BaseException:
            link.close()
            raise
        return link

    yield replace(site, dial=dial)


async def say(link: socket.socket, data: bytes) -> None:
    """Send bytes over a socket that no stream owns yet."""
    await asyncio.get_running_loop().sock_sendall(link, data)


async def exactly(link: socket.socket, n_bytes: int) -> bytes:
    """Read that many bytes and none beyond: what follows belongs to another protocol."""
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < n_bytes:
        chunk = await loop.sock_recv(link, n_bytes - len(data))
        if not chunk:
            raise EOFError("the proxy closed the connection")
        data += chunk
    return data
