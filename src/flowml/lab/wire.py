"""The wire between the hosts: a router in user space that delays, loses, reorders and shapes around a tap.

Not every kernel has netem, and netem draws per interface only. This wire is the same on every machine and
costs little at the trickle that the lab's connections carry. A packet waits for its sender's link, passes
the tap, waits for its receiver's link and arrives: the tap sees the round trip of each side as a sensor
between them does.
"""

from __future__ import annotations

import heapq
import os
import random
import select
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowml.lab.namespaces import socket_in
from flowml.lab.processes import become_worker

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_ETH_P_ALL = 0x0003
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h
_SOL_PACKET, _PACKET_IGNORE_OUTGOING = 263, 23  # linux/if_packet.h
_IPV4 = b"\x08\x00"
_BUFFER_BYTES = 32 * 2**20
_LARGEST_FRAME = 65535
_DETOUR_S = 0.004
"""By how much a packet is late that takes another way than the others, on average."""


@dataclass(frozen=True, slots=True)
class Link:
    """What lies between a host and the tap, in each direction."""

    delay_s: float
    jitter_s: float
    loss_ratio: float
    rate_bps: float
    detour_ratio: float = 0.0
    """Share of packets that take a longer way and may be overtaken by those behind (reordering, RFC 4737)."""


@dataclass(frozen=True, slots=True)
class Port:
    """Where a host is plugged in: its address, the router's side of its cable and what the cable is like."""

    address: str
    interface: str
    mac: bytes
    link: Link


@dataclass(frozen=True, slots=True)
class Wiring:
    """All that a wire needs to know."""

    namespace: str
    tap_feed: str
    ports: tuple[Port, ...]
    seed: int


@dataclass(slots=True)
class Line:
    """One direction of a link: when a packet that enters now comes out: in order, but for detours."""

    link: Link
    rng: random.Random
    free_at_s: float = field(default=0.0)

    def leaves_at(self, now_s: float, n_bytes: int) -> float | None:
        """Time at which a packet leaves the line, or None if the line loses it."""
        if self.rng.random() < self.link.loss_ratio:
            return None
        arrival_s = now_s + self.link.delay_s + self.link.jitter_s * self.rng.random()
        self.free_at_s = max(self.free_at_s, arrival_s) + n_bytes * 8 / self.link.rate_bps
        if self.rng.random() < self.link.detour_ratio:
            return self.free_at_s + self.rng.expovariate(1.0 / _DETOUR_S)
        return self.free_at_s


@dataclass(slots=True)
class _Host:
    port: Port
    up: Line
    down: Line
    plug: socket.socket


@dataclass(slots=True)
class _Router:
    hosts: dict[bytes, _Host]
    tap: socket.socket
    waiting: list[tuple[float, int, _Host | None, _Host, bytes]] = field(default_factory=list)
    n_taken: int = 0

    def take(self, frame: bytes, now_s: float) -> None:
        """Take a frame from its sender's cable; what is not IPv4 between two hosts is dropped."""
        sender, receiver = self.hosts.get(frame[26:30]), self.hosts.get(frame[30:34])
        if frame[12:14] != _IPV4 or sender is None or receiver is None:
            return
        due_s = sender.up.leaves_at(now_s, len(frame))
        if due_s is not None:
            self._wait(due_s, sender, receiver, receiver.port.mac + sender.port.mac + frame[12:])

    def deliver(self, now_s: float) -> float | None:
        """Pass on what is due; seconds until the next frame is, or None if nothing waits."""
        while self.waiting and self.waiting[0][0] <= now_s:
            due_s, _, sender, receiver, frame = heapq.heappop(self.waiting)
            if sender is None:
                receiver.plug.send(frame)
                continue
            self.tap.send(frame)
            arrives_s = receiver.down.leaves_at(due_s, len(frame))
            if arrives_s is not None:
                self._wait(arrives_s, None, receiver, frame)
        return max(0.0, self.waiting[0][0] - now_s) if self.waiting else None

    def _wait(self, due_s: float, sender: _Host | None, receiver: _Host, frame: bytes) -> None:
        self.n_taken += 1
        heapq.heappush(self.waiting, (due_s, self.n_taken, sender, receiver, frame))


def carry(wiring: Wiring, control: Connection, parent_pid: int) -> None:
    """Carry packets until the other end of ``control`` is closed; the main function of the wire's process."""
    become_worker(parent_pid)
    # One processor for all: packets that pass several receive queues reach the tap out of order.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    intake = socket_in(wiring.namespace, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    intake.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    intake.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    intake.setblocking(False)
    router = _router(wiring)
    control.send(True)
    while True:
        pause_s = router.deliver(time.monotonic())
        ready, _, _ = select.select([intake.fileno(), control.fileno()], [], [], pause_s)
        if control.fileno() in ready:
            return
        if intake.fileno() in ready:
            _drain(intake, router)


def _drain(intake: socket.socket, router: _Router) -> None:
    while True:
        try:
            frame = intake.recv(_LARGEST_FRAME)
        except BlockingIOError:
            return
        router.take(frame, time.monotonic())


def _router(wiring: Wiring) -> _Router:
    rng = random.Random(wiring.seed)
    hosts = {
        socket.inet_aton(port.address): _Host(
            port, Line(port.link, rng), Line(port.link, rng), _plug(wiring.namespace, port.interface)
        )
        for port in wiring.ports
    }
    return _Router(hosts, _plug(wiring.namespace, wiring.tap_feed))


def _plug(namespace: str, interface: str) -> socket.socket:
    plug = socket_in(namespace, socket.AF_PACKET, socket.SOCK_RAW)  # protocol 0: sends, never receives
    plug.bind((interface, 0))
    return plug
