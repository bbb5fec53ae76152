"""Where one side of an actor stands in a simulation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flowml.errors import LabError
from flowml.lab.site import CONNECT_S, Site

if TYPE_CHECKING:
    import socket
    from contextlib import AbstractAsyncContextManager
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
        raise LabError(f"lab: {argv[0]} is a program, and none runs in simulated time; record it instead")

    def program(self, *argv: str | Path) -> AbstractAsyncContextManager[RunningProgram]:
        """Refuse: LabError."""
        raise LabError(f"lab: {argv[0]} is a program, and none runs in simulated time; record it instead")
