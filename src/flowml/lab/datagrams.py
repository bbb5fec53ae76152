"""Datagrams: UDP sockets of a site, for actors that need no connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.namespaces import socket_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowml.lab.site import Site

_LARGEST = 65535
Reply = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Datagrams:
    """A UDP socket of a client, connected to the instance's server."""

    link: socket.socket

    async def send(self, data: bytes) -> None:
        """Send a datagram; OSError if the server's host refused one before."""
        await asyncio.get_running_loop().sock_sendall(self.link, data)

    async def receive(self, patience_s: float) -> bytes | None:
        """Wait for a datagram, but not longer than that; None if none came."""
        try:
            async with asyncio.timeout(patience_s):
                return await asyncio.get_running_loop().sock_recv(self.link, _LARGEST)
        except TimeoutError:
            return None


@contextmanager
def datagrams(site: Site) -> Iterator[Datagrams]:
    """Open a socket on this host towards the instance's server, from a port of its own."""
    with _socket(site) as link:
        link.connect(site.server)
        yield Datagrams(link)


async def answer_datagrams(site: Site, answer: Callable[[bytes, Reply], Awaitable[None]]) -> None:
    """Take datagrams at the server's address for ever.

    ``answer`` gets each with a function that sends to where it came from. It runs in a task of its own and
    may go on sending.
    """
    loop = asyncio.get_running_loop()
    with _socket(site) as link:
        link.bind(site.server)
        async with asyncio.TaskGroup() as answers:
            while True:
                data, sender = await loop.sock_recvfrom(link, _LARGEST)
                answers.create_task(_run(answer(data, partial(_send, link, sender))))


async def _run(answer: Awaitable[None]) -> None:
    with suppress(OSError):  # the client's host refused it, or is gone
        await answer


def _send(link: socket.socket, to: tuple[str, int], data: bytes) -> None:
    link.sendto(data, to)


def _socket(site: Site) -> socket.socket:
    link = socket_in(site.namespace, socket.AF_INET, socket.SOCK_DGRAM)
    link.setblocking(False)
    return link
