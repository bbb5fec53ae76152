"""Syslog over TCP and TLS (RFC 6587, RFC 5425): the client speaks, the server never answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [0.5, 2.0, 10.0, 60.0]),
        "line_bytes": int(rng.integers(40, 300)),
        "line_spread_bytes": int(rng.choice([0, 5, 200])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    del rng

    async def attend(peer: Peer) -> None:
        while await peer.reader.read(65536):
            pass

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        while True:
            text = text_of(drawn["line_bytes"], drawn["line_spread_bytes"], rng)
            line = f"<13>1 2025-01-02T10:20:30Z host app {rng.integers(1, 65536)} - - {text}"
            await peer.send(f"{len(line)} {line}".encode())
            await pause(drawn, rng)


_SYSLOG = Actor("syslog", "syslog", _draw, _serve, _visit, ports=(514, 601), clients=(1, 4))
ACTORS = (_SYSLOG, over_tls(_SYSLOG, (6514,)))
