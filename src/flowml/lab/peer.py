"""One end of a connection: bytes, lines and JSON."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

GONE = (OSError, EOFError)
"""What a connection that broke raises: resets, timeouts, TLS alerts and the end of the stream."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side, as this side reads and writes it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Write bytes and wait until the kernel has room for more."""
        self.writer.write(data)
        await self.writer.drain()

    async def line(self) -> bytes:
        """Read up to and including a line feed; EOFError at the end."""
        return await self.reader.readuntil(b"\n")

    async def exactly(self, n_bytes: int) -> bytes:
        """Read that many bytes; EOFError if the stream ends before."""
        return await self.reader.readexactly(n_bytes)

    async def send_json(self, message: object) -> None:
        """Write a message as one line of JSON without spaces."""
        await self.send(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def push_json(self, message: object) -> None:
        """Send a message that nobody asked for; a peer that has just gone does not get it."""
        with suppress(*GONE):
            await self.send_json(message)

    async def json_line(self) -> dict[str, Any]:
        """Read one line of JSON that holds an object."""
        message: dict[str, Any] = json.loads(await self.line())
        return message

    async def http_body(self) -> bytes:
        """Read one HTTP message with a Content-Length; its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        return await self.exactly(int(length or 0))

    def probe_when_idle(self, idle_s: int) -> None:
        """Ask the kernel for TCP keep-alive probes after that many idle seconds."""
        link: socket.socket = self.writer.get_extra_info("socket")
        if link.family != socket.AF_INET:
            return  # simulated, or the way to a relay on this host; the connection is the relay's
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s)

    def close(self) -> None:
        """Close after what is written has left.

        Twice is once: asyncio's transport with TLS forgets its connection at the second time, and whoever
        writes to it then hears of neither a reset nor an end, but of an attribute that is missing.
        """
        if not self.writer.is_closing():
            self.writer.close()
