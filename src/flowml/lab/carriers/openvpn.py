"""A tunnel like OpenVPN's over TCP: IP packets in one stream, of OpenVPN's sizes and beats.

Sizes follow the fields of the protocol (https://openvpn.net/community-docs/openvpn-protocol.html): a length
before each message, 24 bytes of opcode, peer, packet number and tag around a packet, 14 and 26 bytes for the
resets. A ping of 16 bytes goes out when an end has sent nothing for a while (OpenVPN's manual, --keepalive).
The handshake is noise of the right sizes in the right order, and so are the headers; packets are not
encrypted, as nothing in flowml looks inside.
"""

from __future__ import annotations

import asyncio
import os
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flowml.lab.carriers.carrier import Carrier
from flowml.lab.carriers.tun import Interface, behind, reading, receiver, sender, tun_interface
from flowml.lab.peer import GONE
from flowml.lab.rhythm import background, together

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from numpy.random import Generator

    from flowml.lab.actor import Parameters
    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_LENGTH = struct.Struct(">H")
_DATA_BYTES = 24  # opcode and peer, packet number, tag
_PING_BYTES = 16
_MTU = 1500
_CONTROL = b"\x20"
_DATA = b"\x48"
_MOST_QUEUED_BYTES = 1_000_000


def data_message(packet: bytes) -> bytes:
    """Build the message with a packet; an empty one is a ping."""
    body = packet or bytes(_PING_BYTES)
    return _framed(_DATA + os.urandom(_DATA_BYTES - 1) + body)


def _framed(message: bytes) -> bytes:
    return _LENGTH.pack(len(message)) + message


async def _read(peer: Peer) -> bytes:
    (n_bytes,) = _LENGTH.unpack(await peer.exactly(_LENGTH.size))
    return await peer.exactly(n_bytes)


def _draw(rng: Generator) -> Parameters:
    return {
        "openvpn_ping_s": float(rng.choice([10.0, 10.0, 15.0, 30.0])),
        # tls-crypt puts 40 bytes around every control message.
        "openvpn_control_bytes": int(rng.choice([0, 40])),
        "openvpn_hello_bytes": int(rng.integers(260, 360)),
        "openvpn_certificate_bytes": int(rng.integers(900, 3500)),
        "openvpn_options_bytes": int(rng.integers(180, 420)),
    }


def handshake(drawn: Parameters) -> list[tuple[bool, int]]:
    """Who sends how much before the first packet: the client (True) or the server, in bytes.

    Two resets, two flights of TLS with the certificates, the keys, and the options that the server pushes.
    """
    hello, certificate, options = (
        int(drawn[f"openvpn_{name}_bytes"]) for name in ("hello", "certificate", "options")
    )
    pieces = [min(1200, certificate - at) for at in range(0, certificate, 1200)]
    flights = [
        (True, [14]),
        (False, [26]),
        (True, [22 + hello]),
        (False, [34 + piece for piece in pieces]),
        (True, [34 + piece for piece in pieces] + [34 + 350]),
        (False, [34 + 330]),
        (True, [70]),
        (False, [34 + options]),
    ]
    around = int(drawn["openvpn_control_bytes"])
    return [(is_clients, n_bytes + around) for is_clients, flight in flights for n_bytes in flight]


async def _shake_hands(peer: Peer, drawn: Parameters, is_client: bool) -> None:
    for is_clients, n_bytes in handshake(drawn):
        if is_clients is is_client:
            await peer.send(_framed(_CONTROL + os.urandom(n_bytes - 1)))
        else:
            await _read(peer)


@dataclass(slots=True)
class _End:
    """The interface of a host and the streams to its peers."""

    interface: Interface
    drawn: Any
    peers: dict[bytes, Peer] = field(default_factory=dict)
    sent_at_s: dict[Peer, float] = field(default_factory=dict)

    def take_packets(self) -> None:
        """Send what the interface has; a packet to nobody, or for which a stream has no room, is dropped."""
        for packet in self.interface.packets():
            peer = self.peers.get(receiver(packet)) or self.peers.get(b"")
            if peer is not None and peer.writer.transport.get_write_buffer_size() < _MOST_QUEUED_BYTES:
                self._send(peer, packet)

    async def attend(self, peer: Peer) -> None:
        """Serve a client until it leaves."""
        await _shake_hands(peer, self.drawn, is_client=False)
        try:
            await self.carry(peer)
        finally:
            self.peers = {inside: other for inside, other in self.peers.items() if other is not peer}
            self.sent_at_s.pop(peer, None)

    async def carry(self, peer: Peer) -> None:
        """Hand what the peer sends to the interface, and ping when there is nothing to send."""
        self.sent_at_s[peer] = asyncio.get_running_loop().time()
        await together(self._hear(peer), self._ping(peer))

    async def _hear(self, peer: Peer) -> None:
        while True:
            packet = (await _read(peer))[_DATA_BYTES:]
            if packet[0]:  # a ping begins with a zero, a packet with its version
                self.peers.setdefault(sender(packet), peer)
                self.interface.give(packet)

    async def _ping(self, peer: Peer) -> None:
        ping_s = float(self.drawn["openvpn_ping_s"])
        while True:
            idle_s = asyncio.get_running_loop().time() - self.sent_at_s[peer]
            if idle_s >= ping_s:
                self._send(peer, b"")
                idle_s = 0.0
            await asyncio.sleep(ping_s - idle_s)

    def _send(self, peer: Peer, packet: bytes) -> None:
        self.sent_at_s[peer] = asyncio.get_running_loop().time()
        with suppress(*GONE):
            peer.writer.write(data_message(packet))


@asynccontextmanager
async def _fronting(site: Site) -> AsyncIterator[Site]:
    async with tun_interface(site, _MTU) as interface, background() as start:
        end = _End(interface, site.parameters)
        async with reading(interface, end.take_packets):
            start(_plain(site).listen(end.attend))
            yield behind(site)


@asynccontextmanager
async def _carried(site: Site) -> AsyncIterator[Site]:
    async with tun_interface(site, _MTU) as interface, _plain(site).connected() as peer:
        await _shake_hands(peer, site.parameters, is_client=True)
        end = _End(interface, site.parameters, {b"": peer})
        async with background() as start, reading(interface, end.take_packets):
            start(end.carry(peer))
            yield behind(site)


def _plain(site: Site) -> Site:
    """The site without the TLS that the actor has inside the tunnel."""
    return replace(site, certificate=None)


CARRIERS = (
    Carrier(
        "openvpn",
        (1194, 443, 943),
        _draw,
        _fronting,
        _carried,
        is_tunnel=True,
        takes_programs=True,
    ),
)
