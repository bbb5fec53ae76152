"""The inside of a tunnel: a TUN interface with an address of its own, and the site that stands behind it."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flowml.lab.namespaces import ip, tunnel_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from flowml.lab.site import Site

_INSIDE = int(ipaddress.IPv4Address("10.78.0.0")) - int(ipaddress.IPv4Address("10.77.0.0"))
_PREFIX = 16
_INTERFACE = "tunnel0"
_LARGEST = 65_535


def inside_address(address: str) -> str:
    """Address in the tunnel of the host that has this one outside."""
    return str(ipaddress.IPv4Address(int(ipaddress.IPv4Address(address)) + _INSIDE))


def behind(site: Site) -> Site:
    """The site that the tunnel leads to, seen from either end."""
    inside = site.inside()
    server = (inside_address(site.server[0]), inside.server[1])
    return replace(inside, server=server, doors=(server,))


def sender(packet: bytes) -> bytes:
    """Source address of an IPv4 packet."""
    return packet[12:16]


def receiver(packet: bytes) -> bytes:
    """Destination address of an IPv4 packet."""
    return packet[16:20]


@dataclass(frozen=True, slots=True)
class Interface:
    """A TUN interface: IP packets that programs of this host send, and a way to give them some."""

    descriptor: int

    def packets(self) -> Iterator[bytes]:
        """The IPv4 packets that wait; others are dropped."""
        with suppress(BlockingIOError):
            while True:
                packet = os.read(self.descriptor, _LARGEST)
                if packet[0] >> 4 == 4:
                    yield packet

    def give(self, packet: bytes) -> None:
        """Let a packet arrive."""
        os.write(self.descriptor, packet)


@asynccontextmanager
async def tun_interface(site: Site, mtu: int) -> AsyncIterator[Interface]:
    """Make the TUN interface of this host; its address is ``inside_address`` of the host's."""
    descriptor = tunnel_in(site.namespace, _INTERFACE)
    try:
        address = f"addr add {inside_address(site.address)}/{_PREFIX} dev {_INTERFACE}"
        up = f"link set {_INTERFACE} mtu {mtu} addrgenmode none up"
        await asyncio.to_thread(ip, [address, up], site.namespace)
        yield Interface(descriptor)
    finally:
        os.close(descriptor)


@asynccontextmanager
async def reading(interface: Interface, take: Callable[[], None]) -> AsyncIterator[None]:
    """Call ``take`` when packets wait, as long as the context lasts."""
    loop = asyncio.get_running_loop()
    loop.add_reader(interface.descriptor, take)
    try:
        yield
    finally:
        loop.remove_reader(interface.descriptor)
