"""Where one side of an actor stands in a simulation."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flowml.errors import LabError
from flowml.lab.site import CONNECT_S, Site

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator
    from pathlib import Path

    from flowml.lab.simulation.network import SimulatedNetwork
    from flowml.lab.site import RunningProgram


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSite(Site):
    """A site whose sockets are simulated; all above them, TLS too, is the lab's own."""

    network: SimulatedNetwork

    def listening_socket(self) -> socket.socket:
        """Open the door at the server's address; only a `SimulatedLoop` knows what to do with it."""
        return cast("socket.socket", self.network.door(self.address, self.server))

    async def connected_socket(self) -> socket.socket:
        """Connection from this host to the server, without TLS, for a `SimulatedLoop`."""
        async with asyncio.timeout(CONNECT_S):
            return cast("socket.socket", await self.network.connect(self.address, self.server))

    async def run_server(self, *argv: str | Path) -> None:
        """Refuse: LabError."""
        _no_program(argv[0])

    @asynccontextmanager
    async def program(self, *argv: str | Path) -> AsyncIterator[RunningProgram]:
        """Refuse: LabError."""
        yield _no_program(argv[0])


def _no_program(name: str | Path) -> RunningProgram:
    raise LabError(f"lab: {name} is a program, and none runs in simulated time; record it instead")
