"""A WireGuard tunnel in user space: IP packets in datagrams of WireGuard's sizes and beats.

Message sizes, padding and timers follow the protocol (https://www.wireguard.com/protocol/, Linux
drivers/net/wireguard/messages.h): 148 and 92 bytes of handshake, renewed by the client every 120 s of use, 32
bytes around a packet padded to 16, an empty packet after 10 s of only receiving. Data is encrypted as there;
the handshake is bytes of the right number, because both ends know the key already.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from flowml.lab.carriers.carrier import Carrier
from flowml.lab.carriers.tun import Interface, behind, reading, receiver, sender, tun_interface
from flowml.lab.namespaces import socket_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from numpy.random import Generator

    from flowml.lab.actor import Parameters
    from flowml.lab.site import Site

    Address = tuple[str, int]

_INITIATION, _RESPONSE, _DATA = 1, 2, 4
_INITIATION_BYTES, _RESPONSE_BYTES = 148, 92
_HEADER = struct.Struct("<IIQ")  # kind and three zeros, the receiver's index, a counter
_BLOCK_BYTES, _TAG_BYTES = 16, 16
_REKEY_S, _RETRY_S, _KEEPALIVE_S = 120.0, 5.0, 10.0
_MTU = 1420
_MOST_WAITING = 64


def seal(cipher: ChaCha20Poly1305, receiver: int, counter: int, packet: bytes) -> bytes:
    """Build a data message; an empty packet makes a keepalive of 32 bytes."""
    padding = bytes(min(-len(packet) % _BLOCK_BYTES, max(_MTU - len(packet), 0)))
    header = _HEADER.pack(_DATA, receiver, counter)
    return header + cipher.encrypt(_nonce(counter), packet + padding, None)


def unseal(cipher: ChaCha20Poly1305, message: bytes) -> bytes:
    """Take the packet out of a data message; InvalidTag if it is of another tunnel."""
    _, _, counter = _HEADER.unpack_from(message)
    padded = cipher.decrypt(_nonce(counter), message[_HEADER.size :], None)
    return padded[: int.from_bytes(padded[2:4], "big")] if padded else b""


def _nonce(counter: int) -> bytes:
    return bytes(4) + counter.to_bytes(8, "little")


@dataclass(slots=True)
class _Session:
    """One end's view of the tunnel to one peer."""

    send: Callable[[bytes], None]
    cipher: ChaCha20Poly1305
    is_client: bool
    persistent_s: float
    index: int = 0
    counter: int = 0
    keyed_at_s: float = float("-inf")
    asked_at_s: float = float("-inf")
    waiting: list[bytes] = field(default_factory=list)
    passive: asyncio.TimerHandle | None = None
    persistent: asyncio.TimerHandle | None = None

    def carry(self, packet: bytes) -> None:
        """Send a packet, after a handshake if the keys are too old."""
        now_s = asyncio.get_running_loop().time()
        age_s = now_s - self.keyed_at_s
        if self.is_client and age_s > _REKEY_S and now_s - self.asked_at_s > _RETRY_S:
            self.asked_at_s = now_s
            self.send(self._handshake(_INITIATION, _INITIATION_BYTES))
        if age_s > 1.5 * _REKEY_S:  # expired, and the peer has not answered yet
            self.waiting = [*self.waiting, packet][-_MOST_WAITING:]
            return
        self._send_data(packet)

    def hear(self, message: bytes) -> bytes:
        """Take a message of the peer; the packet in it, empty where there is none."""
        kind = message[0]
        if kind == _DATA:
            packet = unseal(self.cipher, message)
            if packet and self.passive is None:
                self.passive = asyncio.get_running_loop().call_later(_KEEPALIVE_S, self._confirm)
            self._rearm()
            return packet
        self.keyed_at_s = asyncio.get_running_loop().time()
        self.index += 1
        if kind == _INITIATION:
            self.send(self._handshake(_RESPONSE, _RESPONSE_BYTES))
        else:
            waiting, self.waiting = self.waiting, []
            for packet in waiting or [b""]:  # the first data message confirms the keys
                self._send_data(packet)
        return b""

    def stop(self) -> None:
        """Cancel all timers."""
        for timer in (self.passive, self.persistent):
            if timer is not None:
                timer.cancel()

    def _send_data(self, packet: bytes) -> None:
        self.send(seal(self.cipher, self.index, self.counter, packet))
        self.counter += 2  # the two ends share a key, so one counts even numbers and the other odd ones
        if self.passive is not None:
            self.passive.cancel()
            self.passive = None
        self._rearm()

    def _confirm(self) -> None:
        self.passive = None
        self.carry(b"")

    def _rearm(self) -> None:
        if not self.persistent_s:
            return
        if self.persistent is not None:
            self.persistent.cancel()
        loop = asyncio.get_running_loop()
        self.persistent = loop.call_later(self.persistent_s, self.carry, b"")

    def _handshake(self, kind: int, n_bytes: int) -> bytes:
        return kind.to_bytes(4, "little") + os.urandom(n_bytes - 4)


@dataclass(slots=True)
class _End:
    """A TUN interface and a UDP socket, with the sessions between them."""

    interface: Interface
    door: socket.socket
    open_session: Callable[[Address], _Session]
    by_endpoint: dict[Address, _Session] = field(default_factory=dict)
    by_inside: dict[bytes, _Session] = field(default_factory=dict)

    def take_packets(self) -> None:
        """Carry what the interface has; a packet to nobody is dropped."""
        for packet in self.interface.packets():
            session = self.by_inside.get(receiver(packet)) or self.by_inside.get(b"")
            if session is not None:
                session.carry(packet)

    def take_datagrams(self) -> None:
        """Hand what the peers sent to the interface."""
        with suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                message, endpoint = self.door.recvfrom(65_535)
                session = self.by_endpoint.get(endpoint)
                if session is None:
                    session = self.by_endpoint[endpoint] = self.open_session(endpoint)
                self._hand_in(session, message)

    def _hand_in(self, session: _Session, message: bytes) -> None:
        try:
            packet = session.hear(message)
        except InvalidTag:
            return  # as WireGuard does with what it cannot read
        if packet:
            self.by_inside.setdefault(sender(packet), session)
            self.interface.give(packet)


def _draw(rng: Generator) -> Parameters:
    return {
        "wireguard_key": int(rng.integers(2**32)),
        "wireguard_persistent_s": float(rng.choice([0.0, 25.0, 25.0])),
    }


@asynccontextmanager
async def _standing(site: Site, is_client: bool) -> AsyncIterator[_End]:
    key = np.random.default_rng(site.parameters["wireguard_key"]).bytes(32)
    persistent_s = float(site.parameters["wireguard_persistent_s"]) if is_client else 0.0
    loop = asyncio.get_running_loop()
    with socket_in(site.namespace, socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.setblocking(False)

        def open_session(endpoint: Address) -> _Session:
            def send(message: bytes) -> None:
                with suppress(OSError):  # a full queue or an unreachable peer: a datagram may be lost
                    door.sendto(message, endpoint)

            counter = 0 if is_client else 1
            return _Session(send, ChaCha20Poly1305(key), is_client, persistent_s, counter=counter)

        async with tun_interface(site, _MTU) as interface:
            end = _End(interface, door, open_session)
            loop.add_reader(door, end.take_datagrams)
            try:
                async with reading(interface, end.take_packets):
                    yield end
            finally:
                loop.remove_reader(door)
                for session in end.by_endpoint.values():
                    session.stop()


@asynccontextmanager
async def _fronting(site: Site) -> AsyncIterator[Site]:
    async with _standing(site, is_client=False) as end:
        end.door.bind(site.server)
        yield behind(site)


@asynccontextmanager
async def _carried(site: Site) -> AsyncIterator[Site]:
    async with _standing(site, is_client=True) as end:
        session = end.open_session(site.server)
        end.by_endpoint[site.server] = end.by_inside[b""] = session
        yield behind(site)


CARRIERS = (
    Carrier(
        "wireguard",
        (51820, 51821, 443, 53, 1194),
        _draw,
        _fronting,
        _carried,
        is_tunnel=True,
        takes_programs=True,
    ),
)
