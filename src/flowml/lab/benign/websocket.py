"""WebSocket for the actors that speak it (RFC 6455), with the library's errors made the lab's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from flowml.lab.site import Site


async def listen(
    site: Site,
    attend: Callable[[ServerConnection], Awaitable[None]],
    ping_s: float | None,
    compresses: bool = False,
) -> None:
    """Accept WebSockets for ever and ping each every ``ping_s`` seconds; None: never."""

    async def attend_until_closed(guest: ServerConnection) -> None:
        try:
            await attend(guest)
        except* ConnectionClosed:
            pass  # the client left

    async with serve(
        attend_until_closed,
        sock=site.listening_socket(),
        ssl=site.server_tls(),
        ping_interval=ping_s,
        compression="deflate" if compresses else None,
    ) as server:
        await server.serve_forever()


@asynccontextmanager
async def connected(site: Site, path: str, ping_s: float | None = None) -> AsyncIterator[ClientConnection]:
    """Connect to the instance's server; ConnectionError when the connection ends."""
    tls = site.client_tls()
    address = f"{'wss' if tls else 'ws'}://{site.server_name()}:{site.server[1]}{path}"
    try:
        async with connect(
            address, sock=await site.connected_socket(), ssl=tls, ping_interval=ping_s
        ) as connection:
            yield connection
    except* WebSocketException as errors:
        raise ConnectionError(str(errors.exceptions[0])) from errors


async def drain(connection: ClientConnection) -> None:
    """Take whatever the server sends, for ever."""
    while True:
        await connection.recv()
