"""Heads of HTTP against what libcurl and bitcoind of 2012 wrote, and calls over loopback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from flowml.lab.calls import calling, heard, reply, reply_head, request_head
from flowml.lab.peer import Peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CPUMINER = {
    "closes": False,
    "http": "1.1",
    "agent": "cpuminer/2.3.2",
    "server": "bitcoin-json-rpc/v0.8.6-beta",
    "credentials": "Z29zdGNvaW5ycGM6NTdZSHR6dA==",
    "accepts": False,
    "dates": True,
    "writes_head_apart": False,
    "asks_for": "X-Mining-Extensions: midstate",
}


def test_a_call_has_the_header_lines_of_cpuminer() -> None:
    assert request_head(_CPUMINER, "127.0.0.1:19379", "/", b"x" * 45).decode() == (
        "POST / HTTP/1.1\r\n"
        "Host: 127.0.0.1:19379\r\n"
        "Authorization: Basic Z29zdGNvaW5ycGM6NTdZSHR6dA==\r\n"
        "Content-Type: application/json\r\n"
        "Content-Length: 45\r\n"
        "User-Agent: cpuminer/2.3.2\r\n"
        "X-Mining-Extensions: midstate\r\n\r\n"
    )


def test_a_long_poll_is_a_get_without_a_body() -> None:
    head = request_head(_CPUMINER, "pool.example", "/LP", b"")
    assert head.startswith(b"GET /LP HTTP/1.1\r\n")
    assert b"Content-" not in head


def test_an_answer_has_the_header_lines_of_bitcoind() -> None:
    assert reply_head({**_CPUMINER, "closes": True}, b"x" * 40, (), "200 OK").decode() == (
        "HTTP/1.1 200 OK\r\n"
        "Date: Sat, 14 Apr 2012 09:14:15 GMT\r\n"
        "Connection: close\r\n"
        "Content-Length: 40\r\n"
        "Content-Type: application/json\r\n"
        "Server: bitcoin-json-rpc/v0.8.6-beta\r\n\r\n"
    )


@dataclass(slots=True)
class _Site:
    """What ``calling`` uses of a site, with a server behind it that tells what was asked."""

    parameters: dict[str, Any]
    n_connections: int = 0
    ended: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def server_name(self) -> str:
        return "pool.example"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Peer]:
        self.n_connections += 1
        server = await asyncio.start_server(self._attend, "127.0.0.1", 0)
        async with server:
            peer = Peer(*await asyncio.open_connection(*server.sockets[0].getsockname()))
            yield peer
            await _closed(peer)
            await self.ended.acquire()

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        with suppress(EOFError):
            while True:
                path, body = await heard(peer)
                await reply(peer, self.parameters, f"{path} {body.decode()}".encode())
        await _closed(peer)
        self.ended.release()


async def _closed(peer: Peer) -> None:
    peer.close()
    await peer.writer.wait_closed()


@pytest.mark.parametrize("writes_head_apart", [False, True])
@pytest.mark.parametrize(("closes", "n_connections"), [(False, 1), (True, 3)])
def test_calls_share_a_connection_or_have_one_each(
    closes: bool, n_connections: int, writes_head_apart: bool
) -> None:
    site = _Site({**_CPUMINER, "closes": closes, "writes_head_apart": writes_head_apart})

    async def call_thrice() -> list[bytes]:
        async with calling(site) as call:  # type: ignore[arg-type]
            return [await call("/", b"one"), await call("/", b"two"), await call("/LP", b"")]

    assert asyncio.run(call_thrice()) == [b"/ one", b"/ two", b"/LP "]
    assert site.n_connections == n_connections
