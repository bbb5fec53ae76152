"""A SOCKS5 proxy outside (RFC 1928), with or without a password (RFC 1929)."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from flowml.lab.carriers.carrier import Carrier
from flowml.lab.carriers.handshake import draw_target, exactly, proxy, say, through_proxy

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from numpy.random import Generator

    from flowml.lab.actor import Parameters
    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_VERSION, _CONNECT, _IPV4, _NAME = 5, 1, 1, 3
_NO_PASSWORD, _PASSWORD = 0, 2
_USER = b"worker"


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_target(rng),
        "socks_password_bytes": int(rng.choice([0, 0, 8, 20])),
        "socks_sends_name": bool(rng.random() < 0.5),
    }


def _fronting(site: Site) -> AbstractAsyncContextManager[Site]:
    async def greet(peer: Peer) -> None:
        _, n_methods = await peer.exactly(2)
        methods = await peer.exactly(n_methods)
        method = _PASSWORD if _PASSWORD in methods else _NO_PASSWORD
        await peer.send(bytes([_VERSION, method]))
        if method == _PASSWORD:
            _, n_user_bytes = await peer.exactly(2)
            await peer.exactly(n_user_bytes)
            await peer.exactly((await peer.exactly(1))[0])
            await peer.send(b"\x01\x00")
        *_, kind = await peer.exactly(4)
        await peer.exactly(4 if kind == _IPV4 else (await peer.exactly(1))[0])
        await peer.exactly(2)
        await asyncio.sleep(2 * site.parameters["detour_s"])
        bound = socket.inet_aton(site.address) + struct.pack(">H", 40_000)
        await peer.send(bytes([_VERSION, 0, 0, _IPV4]) + bound)

    return proxy(site, greet)


def _carried(site: Site) -> AbstractAsyncContextManager[Site]:
    async def ask(link: socket.socket) -> None:
        await _authenticate(link, int(site.parameters["socks_password_bytes"]))
        port = int(site.parameters["target_port"])
        if site.parameters["socks_sends_name"]:
            await request(link, str(site.parameters["target_name"]), port)
        else:
            await say(link, bytes([_VERSION, _CONNECT, 0, _IPV4, 192, 0, 2, 7]) + struct.pack(">H", port))
            await exactly(link, 10)

    return through_proxy(site, ask)


async def greet_proxy(link: socket.socket) -> None:
    """Open without a password."""
    await _authenticate(link, 0)


async def request(link: socket.socket, name: str, port: int) -> None:
    """Ask a SOCKS5 proxy that has been greeted for a connection to a name."""
    where = bytes([len(name)]) + name.encode() + struct.pack(">H", port)
    await say(link, bytes([_VERSION, _CONNECT, 0, _NAME]) + where)
    _, reply, _, kind = await exactly(link, 4)
    await exactly(link, 6 if kind == _IPV4 else (await exactly(link, 1))[0] + 2)
    if reply != 0:
        raise ConnectionRefusedError(f"the SOCKS5 proxy answered {reply}")


async def _authenticate(link: socket.socket, n_password_bytes: int) -> None:
    methods = [_NO_PASSWORD, _PASSWORD] if n_password_bytes else [_NO_PASSWORD]
    await say(link, bytes([_VERSION, len(methods), *methods]))
    await exactly(link, 2)
    if n_password_bytes:
        credentials = bytes([len(_USER)]) + _USER + bytes([n_password_bytes]) + b"p" * n_password_bytes
        await say(link, b"\x01" + credentials)
        await exactly(link, 2)


CARRIERS = (Carrier("socks5", (1080, 1081, 443, 9050), _draw, _fronting, _carried),)
