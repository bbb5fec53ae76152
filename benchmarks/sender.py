"""Small packets as fast as asked: ``python -m benchmarks.sender INTERFACE PPS SECONDS`` as root.

tcpreplay makes a system call for each packet, and ends at some 285,000 a second on two cores. This hands
the kernel 64 packets a call (sendmmsg), past the queueing discipline (PACKET_QDISC_BYPASS). It sends what a
tap sees of many TCP connections with short messages (frames of 94 to 293 bytes); each ends with a FIN after
20 seconds and is followed by another, so that a sensor always has connections to judge. Prints JSON. Only
for an interface that the caller made for it: the addresses are those of documentation (RFC 5737).
"""

import argparse
import ctypes
import json
import os
import socket
import struct
import time

from tests.capture.frames import End, ethernet, segment

BATCH = 64
LIFE_S = 20.0  # of a connection: it is judged at 10 s and after its end
_SOL_PACKET, _PACKET_QDISC_BYPASS = 263, 20
_MSG_DONTWAIT = 0x40
_PORTS = 34  # in a frame of Ethernet and IPv4: source port, then destination port
_FIN_ACK = 0x11


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):  # struct mmsghdr
    _fields_ = (
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32),
        ("iovec", ctypes.POINTER(_Iovec)), ("iovec_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t), ("flags", ctypes.c_int),
        ("padding", ctypes.c_int), ("sent", ctypes.c_uint32),
    )  # fmt: skip


class Connections:
    """A request and an answer of each of many connections, in buffers that are sent again and again."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.renewed = 0
        self.buffers = [
            ctypes.create_string_buffer(frame, len(frame))
            for n in range(number)
            for frame in self._frames(n, n)
        ]

    def renew(self) -> bytes:
        """Let the oldest connection be another from now on; give the last packet of the one before."""
        number, before = self.renewed % self.number, self.renewed
        self.renewed += 1
        client, server = self._ends(number, before)
        port = struct.pack("!H", self._ends(number, before + self.number)[0].port)
        self.buffers[2 * number][_PORTS : _PORTS + 2] = port
        self.buffers[2 * number + 1][_PORTS + 2 : _PORTS + 4] = port
        return ethernet(segment(client, server, b"", _FIN_ACK))

    def _frames(self, number: int, serial: int) -> tuple[bytes, bytes]:
        client, server = self._ends(number, serial)
        ask, answer = bytes(60 + number % 180), bytes(40 + number % 60)
        return ethernet(segment(client, server, ask)), ethernet(segment(server, client, answer))

    def _ends(self, number: int, serial: int) -> tuple[End, End]:
        """Client and server; the port comes back long after the meter's idle timeout."""
        client = End(f"198.51.100.{number % 250 + 1}", 4000 + serial % 60_000)
        return client, End("203.0.113.7", 3333 + number % 7)


class Sender:
    """The packets of all connections, one after another and again."""

    def __init__(self, interface: str, connections: Connections) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        self._socket.bind((interface, 0))
        buffers = connections.buffers
        self._iovecs = (_Iovec * len(buffers))(
            *(_Iovec(ctypes.addressof(buffer), len(buffer)) for buffer in buffers)
        )
        self._messages = (_Message * len(buffers))()
        for message, iovec in zip(self._messages, self._iovecs, strict=True):
            message.iovec, message.iovec_count = ctypes.pointer(iovec), 1
        self._sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
        self._at = 0
        self.sent = self.refused = 0

    def burst(self) -> None:
        """Offer the kernel a batch; what it refuses is counted and not offered again."""
        count = min(BATCH, len(self._messages) - self._at)
        place = ctypes.byref(self._messages, self._at * ctypes.sizeof(_Message))
        taken = max(int(self._sendmmsg(self._socket.fileno(), place, count, _MSG_DONTWAIT)), 0)
        self.sent += taken
        self.refused += count - taken
        self._at = (self._at + count) % len(self._messages)

    def send_one(self, frame: bytes) -> None:
        """Send one packet."""
        self._socket.send(frame)
        self.sent += 1


def send(interface: str, pps: int, seconds: float, number: int) -> dict[str, float]:
    """Send at a steady rate for so long."""
    connections = Connections(number)
    sender = Sender(interface, connections)
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        while connections.renewed < passed / LIFE_S * number:
            sender.send_one(connections.renew())
        if sender.sent + sender.refused < pps * passed:
            sender.burst()
        else:
            time.sleep(0.0005)
    return {
        "sent": sender.sent,
        "refused": sender.refused,
        "sent_pps": round(sender.sent / passed),
        "sender_cpu_s": round(sum(os.times()[:2]), 2),
        "connections": number + connections.renewed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("interface")
    parser.add_argument("pps", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--connections", type=int, default=2000)
    arguments = parser.parse_args()
    told = send(arguments.interface, arguments.pps, arguments.seconds, arguments.connections)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
