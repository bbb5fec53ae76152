"""Visits: a connection or a few at once, some questions, then idle until somebody's patience ends.

What most connections of a network are. Servers close what was idle for 5 s (Apache), 60 to 75 s (nginx and
load balancers) or some minutes, clients after 10 to 120 s or when a page is left; both may probe meanwhile.
Pages ask for many things in a row, applications for one thing and its like again later, updaters for one
and no more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http_messages import request, response
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.peer import GONE

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "server_patience_s": float(rng.choice([5.0, 5.0, 15.0, 60.0, 65.0, 75.0, 120.0])),
        "client_patience_s": float(rng.choice([1.0, 10.0, 30.0, 60.0, 115.0])),
        "probe_s": int(rng.choice([0, 0, 15, 45])),
        "at_once": int(rng.choice([1, 1, 2, 4])),
        "asks": float(rng.choice([1.0, 1.5, 3.0, 8.0])),
        "between_s": round(log_uniform(rng, 0.02, 2.0), 3),
        "pause_s": round(log_uniform(rng, 8.0, 80.0), 1),
        "question_bytes": round(log_uniform(rng, 40, 1500)),
        "answer_bytes": round(log_uniform(rng, 60, 12_000)),
        "answer_spread": str(rng.choice(["constant", "types", "lognormal", "heavy"])),
        "think_s": round(log_uniform(rng, 0.001, 0.3), 4),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            async with asyncio.timeout(drawn["server_patience_s"]):  # TimeoutError is an OSError: it closes
                await peer.http_body()
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            await peer.send(response(bytes(size_of(drawn["answer_bytes"], drawn["answer_spread"], rng))))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    while True:
        async with asyncio.TaskGroup() as group:
            for _ in range(drawn["at_once"]):
                group.create_task(_ask(site, rng))
        await asyncio.sleep(rng.exponential(drawn["pause_s"]))


async def _ask(site: Site, rng: Generator) -> None:
    """Ask some things on a connection and keep it until one of both sides closes it."""
    drawn = site.parameters
    async with site.connected() as peer:
        if drawn["probe_s"]:
            peer.probe_when_idle(drawn["probe_s"])
        for _ in range(int(rng.geometric(1.0 / drawn["asks"]))):
            fields = f"Cookie: {'c' * drawn['question_bytes']}\r\n"
            await peer.send(request("GET", site.server_name(), "/", fields=fields))
            await peer.http_body()
            await asyncio.sleep(rng.exponential(drawn["between_s"]))
        try:
            async with asyncio.timeout(rng.exponential(drawn["client_patience_s"])):
                await peer.exactly(1)
        except GONE:
            pass  # either side's patience ended; TimeoutError is an OSError


_KEPT = Actor("kept-alive", "http", _draw, _serve, _visit, ports=(80, 8080, 8000), clients=(6, 14))
ACTORS = (_KEPT, over_tls(_KEPT, (443, 8443)))
