"""Redis as a cache and as a message bus: requests with small answers, subscribers that are pushed to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, Program

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "period_s": float(rng.choice([1.0, 5.0, 20.0, 60.0])),
        "value_bytes": int(rng.choice([8, 40, 200, 370, 1500])),
        "value_spread_bytes": int(rng.choice([0, 0, 20, 300])),
        "publish_ratio": float(rng.choice([0.1, 0.5, 0.9])),
        "subscribers_ratio": float(rng.uniform(0.2, 0.7)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    del rng
    where = ("--bind", site.server[0], "--port", str(site.server[1]), "--dir", site.folder)
    await site.run_server(
        "redis-server", *where, "--save", "", "--protected-mode", "no", "--loglevel", "warning"
    )


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    where = ("redis-cli", "-h", site.server[0], "-p", str(site.server[1]))
    if rng.random() < drawn["subscribers_ratio"]:
        await site.run(*where, "SUBSCRIBE", "events")
        return
    async with site.program(*where) as client:
        while True:
            await client.type(
                _command(drawn["value_bytes"], drawn["value_spread_bytes"], drawn["publish_ratio"], rng)
            )
            await asyncio.sleep(rng.exponential(drawn["period_s"]))


def _command(n_bytes: int, spread_bytes: int, publish_ratio: float, rng: Generator) -> bytes:
    value = rng.bytes((n_bytes + int(rng.integers(0, spread_bytes + 1))) // 2 + 1).hex()
    if rng.random() < publish_ratio:
        return f"PUBLISH events {value}\n".encode()
    key = f"session:{rng.integers(0, 50)}"
    return (f"GET {key}\n" if rng.random() < 0.7 else f"SET {key} {value}\n").encode()


ACTORS = (
    Actor(
        "redis",
        "redis",
        _draw,
        _serve,
        _visit,
        ports=(6379,),
        requires=(Program("redis-server", "redis-server"), Program("redis-cli", "redis-tools")),
        clients=(3, 8),
    ),
)
