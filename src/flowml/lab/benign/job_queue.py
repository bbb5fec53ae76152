"""Queues of jobs: workers are given work and hand in results, as miners are and do, and mine nothing.

Renderers, build farms, encoders and crawlers differ from miners in what a job is: it takes its own time, the
worker is given the next one when it has finished the last, descriptions and results differ in size, progress
is reported on the way.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.framing import framed, marked, read_framed
from flowml.lab.benign.sizes import SPREADS, log_uniform, size_of

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "wait_s": round(log_uniform(rng, 0.05, 30.0), 2),
        "work_s": round(log_uniform(rng, 2.0, 120.0), 2),
        "work_spread": float(rng.choice([0.05, 0.5, 1.0])),
        "job_bytes": int(log_uniform(rng, 60, 3000)),
        "job_spread": str(rng.choice(SPREADS[1:])),
        "result_bytes": int(log_uniform(rng, 30, 6000)),
        "result_spread": str(rng.choice(SPREADS)),
        "progress_s": float(rng.choice([0.0, 0.0, 3.0, 10.0])),
        "progress_bytes": int(log_uniform(rng, 12, 200)),
        "acknowledgement_bytes": int(rng.choice([2, 6, 20, 60])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await read_framed(peer)
        while True:
            await asyncio.sleep(rng.exponential(drawn["wait_s"]))
            await peer.send(framed(max(size_of(drawn["job_bytes"], drawn["job_spread"], rng), 4), rng))
            while (await read_framed(peer))[:1] == b"p":
                pass
            await peer.send(framed(drawn["acknowledgement_bytes"], rng))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await peer.send(framed(int(rng.integers(60, 400)), rng))
        while True:
            await read_framed(peer)
            left_s = drawn["work_s"] * float(rng.lognormal(0.0, drawn["work_spread"]))
            while drawn["progress_s"] and left_s > drawn["progress_s"]:
                await asyncio.sleep(drawn["progress_s"])
                left_s -= drawn["progress_s"]
                await peer.send(marked(b"p", drawn["progress_bytes"], rng))
            await asyncio.sleep(left_s)
            await peer.send(marked(b"r", size_of(drawn["result_bytes"], drawn["result_spread"], rng), rng))
            await read_framed(peer)


_QUEUE = Actor("job-queue", "job-queue", _draw, _serve, _visit, ports=(4730, 11300, 8786), clients=(2, 5))
ACTORS = (_QUEUE, over_tls(_QUEUE, (443, 8443)))
