"""Outages over loopback: the site listens there instead of in a namespace."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowml.lab.mining.outages import with_outages
from flowml.lab.peer import Peer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(frozen=True, slots=True)
class _Site:
    """What ``with_outages`` uses of a site."""

    parameters: dict[str, Any]
    port: int

    async def listen(self, attend: Callable[[Peer], Awaitable[None]]) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await attend(Peer(reader, writer))
            finally:
                writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", self.port)
        async with server:
            await server.serve_forever()


async def _knock_until(wanted: set[str], is_mute: bool) -> None:
    """Visit a pool that is up for a while and down for a while until all that is wanted was met."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    site = _Site({"up_s": 0.05, "down_s": 0.05, "is_mute_when_down": is_mute}, port)

    async def greet(peer: Peer) -> None:
        await peer.send(b"welcome\n")

    async def serve() -> None:
        await site.listen(greet)

    serving = asyncio.create_task(with_outages(site, np.random.default_rng(1), serve))  # type: ignore[arg-type]
    met: set[str] = set()
    while not met >= wanted:
        met.add(await _knock(port))
        await asyncio.sleep(0.005)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def _knock(port: int) -> str:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"  # in the moment in which one that listens makes way for the next
    try:
        async with asyncio.timeout(0.02):
            return "welcome" if await reader.readline() else "closed"
    except (TimeoutError, ConnectionError):
        return "silence"
    finally:
        writer.close()


@pytest.mark.parametrize(("is_mute", "instead"), [(False, "refused"), (True, "silence")])
def test_a_pool_that_is_down_refuses_or_says_nothing(is_mute: bool, instead: str) -> None:
    asyncio.run(asyncio.wait_for(_knock_until({"welcome", instead}, is_mute), 60.0))
