"""WebSocket in TLS through nginx as a reverse proxy: messages in frames, the client's masked (RFC 6455).

One chunk of the actor's stream is one message, as a bridge from TCP to WebSocket makes them.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, WebSocketException

from flowml.lab.actor import Program
from flowml.lab.carriers.carrier import Carrier
from flowml.lab.peer import GONE
from flowml.lab.relay import CHUNK_BYTES, local_pair, until_gone
from flowml.lab.rhythm import background, together

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from numpy.random import Generator
    from websockets.asyncio.connection import Connection
    from websockets.asyncio.server import ServerConnection

    from flowml.lab.actor import Parameters
    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_CONFIGURATION = """
daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen {address}:{port} ssl; ssl_certificate {chain}; ssl_certificate_key {key};
    ssl_protocols {protocols};
    location / {{
      proxy_pass http://{bridge[0]}:{bridge[1]}; proxy_http_version 1.1; proxy_read_timeout 3600s;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "Upgrade";
    }}
  }}
}}
"""
_PROTOCOLS = {"1.2": "TLSv1.2", "1.3": "TLSv1.2 TLSv1.3"}


def _draw(rng: Generator) -> Parameters:
    return {
        "wss_path": str(rng.choice(["/", "/ws", "/proxy", "/socket/v2/stream"])),
        "wss_ping_s": float(rng.choice([0.0, 20.0, 30.0, 55.0])),
        "wss_is_text": bool(rng.random() < 0.5),
        "wss_compresses": bool(rng.random() < 0.3),
    }


@asynccontextmanager
async def _fronting(site: Site) -> AsyncIterator[Site]:
    bridge = site.inside()
    inner = replace(bridge.inside(), certificate=None)

    async def attend(link: ServerConnection) -> None:
        with suppress(*GONE):  # a pool that is down refuses; its bridge then hangs up
            async with inner.connected() as server:
                await until_gone(_exchange(server, link, is_text=False), server)

    async def stand() -> None:
        async with serve(attend, sock=bridge.listening_socket(), **_manners(site)) as server:
            await server.serve_forever()

    configuration = site.folder / "front.conf"
    configuration.write_text(_configuration(site, bridge.server))
    async with background() as start:
        start(stand())
        start(site.run_server("nginx", "-c", configuration))
        yield inner


@asynccontextmanager
async def _carried(site: Site) -> AsyncIterator[Site]:
    async with background() as start:

        async def pass_on(link: Connection, here: Peer) -> None:
            await until_gone(_exchange(here, link, bool(site.parameters["wss_is_text"])), here)
            await link.close()

        async def dial(endpoint: tuple[str, int]) -> socket.socket:
            del endpoint
            address = f"wss://{site.server_name()}:{site.server[1]}{site.parameters['wss_path']}"
            door, manners = await site.connected_socket(), _manners(site)
            try:
                link = await connect(address, sock=door, ssl=site.client_tls(), proxy=None, **manners)
            except WebSocketException as error:
                raise ConnectionError(str(error)) from error
            away, here = await local_pair()
            start(pass_on(link, here))
            return away

        yield replace(site, certificate=None, dial=dial)


def _configuration(site: Site, bridge: tuple[str, int]) -> str:
    if site.certificate is None:
        raise TypeError("a carrier in TLS without a certificate")
    return _CONFIGURATION.format(
        folder=site.folder,
        address=site.server[0],
        port=site.server[1],
        chain=site.certificate.chain,
        key=site.certificate.key,
        protocols=_PROTOCOLS[str(site.parameters["tls_version"])],
        bridge=bridge,
    )


def _manners(site: Site) -> dict[str, Any]:
    drawn = site.parameters
    return {
        "ping_interval": drawn["wss_ping_s"] or None,
        "compression": "deflate" if drawn["wss_compresses"] else None,
    }


async def _exchange(stream: Peer, link: Connection, is_text: bool) -> None:
    async def frame() -> None:
        while chunk := await stream.reader.read(CHUNK_BYTES):
            # Latin-1 has a character for each byte; what is ASCII, as JSON is, keeps its size.
            await link.send(chunk.decode("latin-1") if is_text else chunk)
        raise EOFError

    async def unframe() -> None:
        async for message in link:
            await stream.send(message.encode("latin-1") if isinstance(message, str) else message)
        raise EOFError

    try:
        await together(frame(), unframe())
    except* ConnectionClosed as closed:
        raise EOFError("the WebSocket connection ended") from closed


CARRIERS = (
    Carrier(
        "wss",
        (443, 8443),
        _draw,
        _fronting,
        _carried,
        requires=(Program("nginx", "nginx-light"),),
        has_tls=True,
    ),
)
