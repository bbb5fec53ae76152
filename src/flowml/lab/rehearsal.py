"""A rehearsal: actors in one process without a network, in counted time, and what a tap would have seen.

It needs no permission. Between clients and servers stand relays that delay as the drawn links do and write
down what passes; they lose nothing, and jitter and a line's rate are left out. Actors that run programs or
send datagrams cannot take part.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowml.errors import LabError
from flowml.lab.actor import come_again
from flowml.lab.counted_time import run_counted
from flowml.lab.frames import Conversation, write_capture
from flowml.lab.network import address_of
from flowml.lab.peer import GONE
from flowml.lab.scenario import Scenario, plan
from flowml.lab.site import Site
from flowml.lab.truth import ServerTruth, truth_of

if TYPE_CHECKING:
    from flowml.lab.scenario import ClientPlan, Instance, Plan

_FIRST_PORT = 32_768
_CHUNK_BYTES = 65_536
_Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class _Door(Site):
    """Where a server stands: a socket in its folder instead of an address."""

    def listening_socket(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.setblocking(False)
        path = _socket_path(self.folder)
        path.unlink(missing_ok=True)  # a server that was down comes again
        link.bind(str(path))
        return link


def rehearse(scenario: Scenario, seed: int, duration_s: float, path: Path) -> tuple[ServerTruth, ...]:
    """Play a scenario and write the capture that a tap would have made of it.

    Parameters
    ----------
    scenario
        Of actors without TLS that speak TCP by themselves.
    seed
        Of everything drawn.
    duration_s
        Seconds counted from the plan's second 0; takes a small part of them.
    path
        Of the capture, pcap. Its last second is now.

    Raises
    ------
    LabError
        If an actor cannot take part, or fails.
    """
    for cast in scenario.casts:
        if cast.actor.requires or cast.actor.over_udp or cast.actor.has_tls:
            raise LabError(f"lab: {cast.actor.name} runs programs, datagrams or TLS: it needs a network")
    drawn = plan(scenario, seed)
    with tempfile.TemporaryDirectory(prefix="flowml-lab-") as folder:
        tap = _Tap(drawn, Path(folder))
        try:
            run_counted(lambda: tap.play(drawn.lead_s + duration_s))
        except* (ArithmeticError, LookupError, OSError, TypeError, ValueError) as failed:
            raise LabError(f"lab: an actor failed: {failed.exceptions[0]!r}") from failed
    write_capture(path, tap.conversations, time.time() - drawn.lead_s - duration_s)
    return tuple(server for instance in drawn.instances for server in truth_of(instance))


class _Tap:
    """All actors, and what passes between them."""

    def __init__(self, drawn: Plan, folder: Path) -> None:
        self.conversations: list[Conversation] = []
        self._drawn = drawn
        self._folder = folder
        self._relays: set[asyncio.Task[None]] = set()

    async def play(self, duration_s: float) -> None:
        """Let them play for so long."""
        async with asyncio.TaskGroup() as group:
            tasks = []
            for number, instance in enumerate(self._drawn.instances):
                folder = self._folder / str(number)
                folder.mkdir()
                door = _Door("", "", instance.servers[0], instance.parameters, None, folder)
                rng = np.random.default_rng([instance.seed, 0])
                tasks.append(group.create_task(instance.actor.serve(door, rng)))
                visits = (self._visit(instance, client, folder) for client in instance.clients)
                tasks += [group.create_task(visit) for visit in visits]
            await asyncio.sleep(duration_s)
            for task in tasks:
                task.cancel()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _visit(self, instance: Instance, client: ClientPlan, folder: Path) -> None:
        async def dial(server: tuple[str, int]) -> socket.socket:
            return await self._dialled(instance, client, server, folder)

        address = address_of(client.host)
        site = Site("", address, instance.servers[0], instance.parameters, None, folder, dial=dial)
        await asyncio.sleep(self._drawn.lead_s + client.start_s)
        await come_again(instance.actor.visit, site, np.random.default_rng(client.seed))

    async def _dialled(
        self, instance: Instance, client: ClientPlan, server: tuple[str, int], folder: Path
    ) -> socket.socket:
        """Connect a client to its server through a relay; give the client's end."""
        delays = tuple(self._drawn.links[host].delay_s for host in (client.host, instance.hosts[0]))
        to_server = await asyncio.open_unix_connection(_socket_path(folder))
        port = _FIRST_PORT + len(self.conversations) % (65_536 - _FIRST_PORT)
        conversation = Conversation((address_of(client.host), port), server)
        self.conversations.append(conversation)
        conversation.open(asyncio.get_running_loop().time() + delays[0], *delays)
        near, far = socket.socketpair()
        near.setblocking(False)
        to_client = await asyncio.open_connection(sock=far)
        relay = asyncio.create_task(_carry(conversation, to_client, to_server, delays))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)
        await asyncio.sleep(2 * sum(delays))
        return near


async def _carry(
    conversation: Conversation, to_client: _Side, to_server: _Side, delays: tuple[float, ...]
) -> None:
    """Pass on both ways until both ends have closed."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_relay(conversation, 0, to_client[0], to_server[1], delays))
            group.create_task(_relay(conversation, 1, to_server[0], to_client[1], delays[::-1]))
    finally:
        for _, writer in (to_client, to_server):
            writer.close()


async def _relay(
    conversation: Conversation,
    direction: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    delays: tuple[float, ...],
) -> None:
    """Pass on what one end writes, after the delay of both links; the tap sees it between them."""
    loop, arrived_s = asyncio.get_running_loop(), 0.0
    try:
        while data := await reader.read(_CHUNK_BYTES):
            conversation.pass_on(loop.time() + delays[0], direction, data)
            # timers of one instant have no order: what is written later arrives later
            arrived_s = max(loop.time() + sum(delays), arrived_s + 1e-6)
            loop.call_at(arrived_s, writer.write, data)
    except GONE:
        pass  # broken instead of closed: the other end sees the same
    conversation.close(loop.time() + delays[0], direction)
    await asyncio.sleep(max(loop.time() + sum(delays), arrived_s + 1e-6) - loop.time())
    writer.close()


def _socket_path(folder: Path) -> Path:
    return folder / "door"
