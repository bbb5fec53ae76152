"""A simulated TCP connection: what one side writes passes the tap and reaches the other, later."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flowml.lab.simulation.tap import Flag

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.simulation.tap import Tap
    from flowml.lab.wire import Link

SEGMENT_BYTES = 1448  # Ethernet's 1,500 without the headers of IPv4 and of TCP with time stamps
_HEADERS_BYTES = 66
_LEAST_TIMEOUT_S = 0.2  # Linux, TCP_RTO_MIN
_APART_S = 1e-6  # between arrivals: asyncio does not keep the order of what is due at one time


@dataclass(slots=True)
class Way:
    """One direction of a connection.

    Attributes
    ----------
    near, far
        From the sender to the tap, and from the tap to the receiver.
    tap, connection, is_up
        What the tap notes; None on a way that stays inside a host.
    """

    near: Link
    far: Link
    rng: Generator
    tap: Tap | None
    connection: int
    is_up: bool
    sent_s: float = 0.0
    passed_s: float = 0.0
    arrived_s: float = 0.0

    def send(self, now_s: float, n_bytes: int, flags: Flag = Flag.ACK) -> float:
        """Send a payload in segments; the simulated time at which the last of them arrives.

        A lost segment comes after a timeout, and what follows it waits, as it would for the receiver's
        program: the tap sees the second copy only.
        """
        rest = n_bytes
        while True:
            size = min(rest, SEGMENT_BYTES)
            self._send_one(now_s, size, flags | (Flag.PSH if size and size == rest else Flag(0)))
            rest -= size
            if rest <= 0:
                return self.arrived_s

    def _send_one(self, now_s: float, size: int, flags: Flag) -> None:
        near, far = self.near, self.far
        self.sent_s = max(self.sent_s, now_s) + (size + _HEADERS_BYTES) * 8 / min(near.rate_bps, far.rate_bps)
        delay_s = near.delay_s + near.jitter_s * self.rng.random()
        if self.rng.random() < near.loss_ratio + far.loss_ratio:
            delay_s += max(2.0 * (near.delay_s + far.delay_s), _LEAST_TIMEOUT_S)
        self.passed_s = max(self.passed_s, self.sent_s + delay_s)
        self.arrived_s = max(
            self.arrived_s + _APART_S, self.passed_s + far.delay_s + far.jitter_s * self.rng.random()
        )
        if self.tap is not None:
            self.tap.see(self.passed_s, self.connection, self.is_up, size, flags)


@dataclass(slots=True)
class Options:
    """What of a socket's options the lab sets and a simulation knows."""

    family: int = socket.AF_UNSPEC
    holds_small: bool = False
    """Small segments wait until earlier ones are acknowledged (Nagle, RFC 896)."""

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Set an option, as a socket's method of this name."""
        if (level, option) == (socket.IPPROTO_TCP, socket.TCP_NODELAY):
            self.holds_small = not value


class SimulatedTransport(asyncio.Transport):
    """One end of a simulated connection, as asyncio's streams and its TLS use it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, way: Way) -> None:
        self._options = Options()
        super().__init__({"socket": self._options})
        self._loop, self._way = loop, way
        self._protocol: asyncio.BaseProtocol = asyncio.Protocol()  # which ignores all, until there is one
        self.other: SimulatedTransport | None = None
        self._is_closing = self._is_lost = self._is_paused = False
        self._unread: list[bytes] = []
        self._held = b""
        self._acknowledged_s = 0.0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; what is written after the close is lost, as with a socket."""
        if not data or self._is_closing:
            return
        is_awaited = self._loop.time() < self._acknowledged_s
        if self._options.holds_small and is_awaited and len(data) < SEGMENT_BYTES:
            if not self._held:
                self._loop.call_at(self._acknowledged_s, self._release)
            self._held += bytes(data)
        else:
            self._send(bytes(data))

    def _send(self, data: bytes) -> None:
        data, self._held = self._held + data, b""
        arrives_s = self._way.send(self._loop.time(), len(data))
        self._acknowledged_s = arrives_s + self._way.near.delay_s + self._way.far.delay_s
        self._at(arrives_s, "_take", data)

    def _release(self) -> None:
        if self._held:
            self._send(b"")

    def close(self) -> None:
        """Close after what was written; the other side reads to the end first."""
        if not self._is_closing:
            self._release()
            self._is_closing = True
            self._at(self._way.send(self._loop.time(), 0, Flag.FIN | Flag.ACK), "_end")
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Reset the connection."""
        self._force_close(None)

    def _force_close(self, error: Exception | None) -> None:
        """Reset the connection: asyncio's TLS calls this when it cannot go on."""
        if not self._is_lost:
            self._is_closing = True
            self._refuse()
            self._loop.call_soon(self._lose, error)

    def _refuse(self) -> None:
        self._at(self._way.send(self._loop.time(), 0, Flag.RST), "_reset")

    def is_closing(self) -> bool:
        """Whether it was closed here."""
        return self._is_closing

    def pause_reading(self) -> None:
        """Keep what arrives for later."""
        self._is_paused = True

    def resume_reading(self) -> None:
        """Give the protocol what arrived."""
        self._is_paused = False
        unread, self._unread = self._unread, []
        for data in unread:
            self._take(data)

    def is_reading(self) -> bool:
        """Whether what arrives is given to the protocol."""
        return not self._is_paused

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give all that follows to another protocol."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        return self._protocol

    def get_write_buffer_size(self) -> int:
        """Return 0: a simulated kernel takes everything at once."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: nothing is ever buffered."""

    def _at(self, time_s: float, what: str, *arguments: Any) -> None:
        """Let something happen at the other end."""
        if self.other is not None:
            self._loop.call_at(time_s, getattr(self.other, what), *arguments)

    def _take(self, data: bytes) -> None:
        if self._is_lost:  # whoever writes to a socket that is gone is told so
            self._refuse()
        elif self._is_paused:
            self._unread.append(data)
        elif isinstance(self._protocol, asyncio.BufferedProtocol):
            self._fill(self._protocol, data)
        else:
            cast("asyncio.Protocol", self._protocol).data_received(data)

    def _fill(self, protocol: asyncio.BufferedProtocol, data: bytes) -> None:
        while data and not self._is_lost:
            room = protocol.get_buffer(len(data))
            n_bytes = min(len(room), len(data))  # type: ignore[arg-type]
            room[:n_bytes] = data[:n_bytes]  # type: ignore[index]
            protocol.buffer_updated(n_bytes)
            data = data[n_bytes:]

    def _end(self) -> None:
        if not self._is_closing:
            stays_open = cast("asyncio.Protocol", self._protocol).eof_received()
            if not stays_open:
                self.close()

    def _reset(self) -> None:
        if not self._is_lost:
            self._is_closing = True
            self._lose(ConnectionResetError("the other side is gone"))

    def _lose(self, error: Exception | None) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._protocol.connection_lost(error)
