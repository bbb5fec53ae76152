"""Simulated time: an event loop that never waits, but goes straight to what happens next."""

from __future__ import annotations

import asyncio
import selectors
from asyncio.sslproto import SSLProtocol
from typing import TYPE_CHECKING, Any, cast

from flowml.errors import LabError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from flowml.lab.simulation.link import SimulatedTransport
    from flowml.lab.simulation.network import Door, Server, SimulatedSocket

_TURN_S = 1e-6
"""What a turn of the loop takes at least: rounding must not let somebody wait for no time, for ever."""


class _Leap(selectors.SelectSelector):
    """Instead of waiting for files, lets the time pass."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := super().select(0):
            return ready
        if timeout is None:
            raise LabError("lab: nothing is left to happen in the simulation, and its end has not come")
        self.now_s += max(timeout, _TURN_S)
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, 0 at first: what sleeps an hour wakes at once, an hour later.

    Tasks run in the order in which they would on an infinitely fast machine. Its connections are simulated;
    programs and sockets of the real world have no place in it.
    """

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        """Return the simulated seconds since the loop was made."""
        return self._leap.now_s

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        *_: Any,
        sock: SimulatedSocket,
        ssl: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        **__: Any,
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Let a protocol speak over a connected simulated socket, in TLS if there are settings for it."""
        protocol, opened = protocol_factory(), self.create_future()
        transport = self.attach(sock.opened(self), protocol, ssl, server_hostname, opened)
        await opened
        return transport, protocol

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        *_: Any,
        sock: Door,
        ssl: ssl.SSLContext | None = None,
        **__: Any,
    ) -> Server:
        """Give each connection to a door a protocol of its own."""
        return sock.opened(lambda transport: self.attach(transport, protocol_factory(), ssl))

    def attach(
        self,
        raw: SimulatedTransport,
        protocol: asyncio.BaseProtocol,
        tls: ssl.SSLContext | None,
        server_name: str | None = None,
        opened: asyncio.Future[None] | None = None,
    ) -> asyncio.Transport:
        """Put a protocol on a transport, as server where nobody waits for it to open."""
        if tls is None:
            raw.set_protocol(protocol)
            protocol.connection_made(raw)
            if opened is not None:
                opened.set_result(None)
            return raw
        inner: Any = SSLProtocol(
            self, protocol, tls, opened or self.create_future(), opened is None, server_name
        )
        raw.set_protocol(inner)
        inner.connection_made(raw)
        # what asyncio's own loops give to their callers
        return cast("asyncio.Transport", inner._get_app_transport())  # noqa: SLF001
