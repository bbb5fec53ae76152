"""The network of a simulation: who listens where, and how a connection comes about."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from flowml.lab.simulation.link import SimulatedTransport, Way
from flowml.lab.simulation.tap import Flag, Tap
from flowml.lab.wire import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator

    Endpoint = tuple[str, int]
    Accept = Callable[[SimulatedTransport], object]

_LOOPBACK = "127.0.0.1"
_INSIDE = Link(20e-6, 0.0, 0.0, 1e10)
_FIRST_PORT, _N_PORTS = 32768, 28232  # Linux, ip_local_port_range


@dataclass(frozen=True, slots=True)
class SimulatedSocket:
    """A connection as far as the handshake of TCP, seen from the client."""

    up: Way
    down: Way
    door: Door

    def opened(self, loop: asyncio.AbstractEventLoop) -> SimulatedTransport:
        """Return the client's end; the server gets its own when the acknowledgement arrives."""
        ours, theirs = SimulatedTransport(loop, self.up), SimulatedTransport(loop, self.down)
        ours.other, theirs.other = theirs, ours
        loop.call_at(self.up.send(loop.time(), 0), self.door.admit, theirs)
        return ours

    def close(self) -> None:
        """Do nothing: a socket that nobody used holds nothing."""


@dataclass(eq=False, slots=True)
class Door:
    """An endpoint on which somebody may listen."""

    accept: Accept | None = None

    def opened(self, accept: Accept) -> Server:
        """Listen."""
        self.accept = accept
        return Server(self, accept)

    def admit(self, transport: SimulatedTransport) -> None:
        """Hand a connection to the server, if that is still there."""
        if self.accept is None:
            transport.abort()
        else:
            self.accept(transport)

    def close(self) -> None:
        """Listen no more."""
        self.accept = None


@dataclass(slots=True)
class Server:
    """A server that listens, as far as asyncio's users need one."""

    door: Door
    accept: Accept
    sockets: tuple[()] = ()
    _forever: asyncio.Event = field(default_factory=asyncio.Event)

    def is_serving(self) -> bool:
        """Whether it listens."""
        return self.door.accept is self.accept

    async def serve_forever(self) -> None:
        """Wait until cancelled."""
        await self._forever.wait()

    def close(self) -> None:
        """Listen no more; who has come to the door since stays."""
        if self.is_serving():
            self.door.close()

    async def wait_closed(self) -> None:
        """Return at once."""

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the running loop."""
        return asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        self.close()


@dataclass(slots=True)
class SimulatedNetwork:
    """Hosts behind their links, all of whose connections pass one tap.

    Attributes
    ----------
    links : mapping
        By address of the host.
    rng : Generator
        Of jitter and loss.
    tap : Tap
    """

    links: Mapping[str, Link]
    rng: Generator
    tap: Tap = field(default_factory=Tap)
    _doors: dict[tuple[str, Endpoint], Door] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)

    def door(self, host: str, endpoint: Endpoint) -> Door:
        """Return the door at an endpoint; on loopback each host has its own."""
        key = (host if endpoint[0] == _LOOPBACK else "", endpoint)
        return self._doors.setdefault(key, Door())

    async def connect(self, host: str, endpoint: Endpoint) -> SimulatedSocket:
        """Connect from a host; ConnectionRefusedError where nobody listens."""
        loop, door = asyncio.get_running_loop(), self.door(host, endpoint)
        up, down = self._ways(host, endpoint)
        asked_s = up.send(loop.time(), 0, Flag.SYN)
        await asyncio.sleep(asked_s - loop.time())
        is_open = door.accept is not None
        answer = Flag.SYN | Flag.ACK if is_open else Flag.RST | Flag.ACK
        await asyncio.sleep(down.send(loop.time(), 0, answer) - loop.time())
        if not is_open:
            raise ConnectionRefusedError(f"{endpoint[0]}:{endpoint[1]} refuses")
        return SimulatedSocket(up, down, door)

    def _ways(self, host: str, endpoint: Endpoint) -> tuple[Way, Way]:
        address, port = endpoint
        if address == _LOOPBACK:
            inside = (_INSIDE, _INSIDE, self.rng, None, 0)
            return Way(*inside, is_up=True), Way(*inside, is_up=False)
        number = len(self.tap.endpoints)
        self.tap.endpoints.append((host, self._port(host), address, port))
        client, server = self.links[host], self.links[address]
        return (
            Way(client, server, self.rng, self.tap, number, is_up=True),
            Way(server, client, self.rng, self.tap, number, is_up=False),
        )

    def _port(self, host: str) -> int:
        self._ports[host] = self._ports.get(host, -1) + 1
        return _FIRST_PORT + self._ports[host] % _N_PORTS
