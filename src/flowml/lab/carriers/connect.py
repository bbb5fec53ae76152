"""An HTTP proxy outside that is asked to CONNECT (RFC 9110 9.3.6)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.carriers.carrier import Carrier
from flowml.lab.carriers.handshake import draw_target, exactly, proxy, say, through_proxy

if TYPE_CHECKING:
    import socket
    from contextlib import AbstractAsyncContextManager

    from numpy.random import Generator

    from flowml.lab.actor import Parameters
    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_AGENTS = ("", "curl/8.14.1", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
_VIA = ("", "Via: 1.1 proxy.example (squid/6.13)\r\n", "Proxy-Agent: Apache/2.4.65\r\n")
_END = b"\r\n\r\n"


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_target(rng),
        "connect_agent": str(rng.choice(_AGENTS)),
        "connect_password_bytes": int(rng.choice([0, 0, 12, 40])),
        "connect_via": str(rng.choice(_VIA)),
    }


def _fronting(site: Site) -> AbstractAsyncContextManager[Site]:
    async def greet(peer: Peer) -> None:
        await peer.reader.readuntil(_END)
        await asyncio.sleep(2 * site.parameters["detour_s"])
        via = site.parameters["connect_via"]
        await peer.send(f"HTTP/1.1 200 Connection established\r\n{via}\r\n".encode())

    return proxy(site, greet)


def _carried(site: Site) -> AbstractAsyncContextManager[Site]:
    async def ask(link: socket.socket) -> None:
        await say(link, question(site.parameters))
        answer = b""
        while not answer.endswith(_END):
            answer += await exactly(link, 1)

    return through_proxy(site, ask)


def question(drawn: Parameters) -> bytes:
    """Build what the client says first."""
    where = f"{drawn['target_name']}:{drawn['target_port']}"
    head = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n"
    if drawn["connect_agent"]:
        head += f"User-Agent: {drawn['connect_agent']}\r\nProxy-Connection: Keep-Alive\r\n"
    if drawn["connect_password_bytes"]:
        head += f"Proxy-Authorization: Basic {'p' * int(drawn['connect_password_bytes'])}\r\n"
    return f"{head}\r\n".encode()


CARRIERS = (Carrier("connect", (3128, 8080, 8888, 443), _draw, _fronting, _carried),)
