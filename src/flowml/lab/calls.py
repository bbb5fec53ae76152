"""Calls over HTTP as the RPC of nodes and pools took them from 2010 to 2016.

HTTP/1.0 or 1.1, Basic authentication, a connection kept open or one for each call. What bitcoind answers
(bitcoin/bitcoin src/rpcserver.cpp of that time) and what libcurl, Python and Java send is drawn by
``draw_calls``; all of it are header lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from flowml.lab.mining.identities import base58

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

LEAST_ANEW_S = 8.0
"""Who connects anew for each call does not call more often, or a recording would hold little else."""

Call = Callable[[str, bytes], Awaitable[bytes]]
"""Asks a path with a body (none: GET) and returns the body of the answer."""

_AGENTS = (
    "cgminer 2.4.1",
    "poclbm/20120920",
    "cpuminer/2.3.2",
    "phoenix/1.7.5",
    "DiabloMiner",
    "python-requests/2.2.1",
    "libcurl-agent/1.0",
    "Jakarta Commons-HttpClient/3.1",
    "",
)
_SERVERS = ("bitcoin-json-rpc/v0.8.6-beta", "nginx/1.2.1", "TwistedWeb/11.0.0", "Eloipool", "Cowboy", "")


def draw_calls(rng: Generator) -> dict[str, Any]:
    """Draw the manner in which an instance's clients call."""
    return {
        "closes": bool(rng.random() < 0.12),
        "http": str(rng.choice(["1.1", "1.1", "1.0"])),
        "agent": str(rng.choice(_AGENTS)),
        "server": str(rng.choice(_SERVERS)),
        "credentials": base58(4 * int(rng.integers(3, 16)), rng) if rng.random() < 0.85 else "",
        "accepts": bool(rng.random() < 0.6),
        "dates": bool(rng.random() < 0.8),
        "writes_head_apart": bool(rng.random() < 0.3),
    }


@asynccontextmanager
async def calling(site: Site) -> AsyncIterator[Call]:
    """Give the function with which a client calls; one call at a time where a connection is kept."""
    if site.parameters["closes"]:
        yield _calling_anew(site)
        return
    turn = asyncio.Lock()
    async with site.connected() as peer:

        async def call(path: str, body: bytes) -> bytes:
            async with turn:
                return await _call(peer, site, path, body)

        yield call


def _calling_anew(site: Site) -> Call:
    async def call(path: str, body: bytes) -> bytes:
        async with site.connected() as peer:
            return await _call(peer, site, path, body)

    return call


async def _call(peer: Peer, site: Site, path: str, body: bytes) -> bytes:
    await _write(peer, request_head(site.parameters, site.server_name(), path, body), body, site.parameters)
    return await peer.http_body()


async def heard(peer: Peer) -> tuple[str, bytes]:
    """Read a call: its path and its body."""
    head = await peer.reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return head.split(b" ")[1].decode(), await peer.exactly(int(length or 0))


async def reply(
    peer: Peer, drawn: Mapping[str, Any], body: bytes, *fields: str, status: str = "200 OK"
) -> None:
    """Answer a call; ``fields`` are further header lines. The caller closes where that was drawn."""
    await _write(peer, reply_head(drawn, body, fields, status), body, drawn)


def request_head(drawn: Mapping[str, Any], host: str, path: str, body: bytes) -> bytes:
    """Build the head of a call."""
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/{drawn['http']}", f"Host: {host}"]
    if drawn["credentials"]:
        lines.append(f"Authorization: Basic {drawn['credentials']}")
    if drawn["accepts"]:
        lines += ["Accept: */*", "Accept-Encoding: deflate, gzip"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if drawn["agent"]:
        lines.append(f"User-Agent: {drawn['agent']}")
    lines += [str(drawn["asks_for"])] if drawn.get("asks_for") else []
    return _joined(lines)


def reply_head(drawn: Mapping[str, Any], body: bytes, fields: tuple[str, ...], status: str) -> bytes:
    """Build the head of an answer."""
    lines = [f"HTTP/{drawn['http']} {status}"]
    if drawn["dates"]:
        lines.append("Date: Sat, 14 Apr 2012 09:14:15 GMT")
    lines += [f"Connection: {'close' if drawn['closes'] else 'keep-alive'}", f"Content-Length: {len(body)}"]
    lines.append("Content-Type: application/json")
    if drawn["server"]:
        lines.append(f"Server: {drawn['server']}")
    return _joined([*lines, *fields])


def _joined(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


async def _write(peer: Peer, head: bytes, body: bytes, drawn: Mapping[str, Any]) -> None:
    if not drawn["writes_head_apart"]:
        await peer.send(head + body)
        return
    await peer.send(head)
    await peer.send(body)
