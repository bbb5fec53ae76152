"""Stratum actors: pool and miners of a dialect, their breakdowns, plain and in TLS."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.mining.miner import Miner
from flowml.lab.mining.outages import with_outages
from flowml.lab.mining.pool import Pool
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from flowml.lab.mining.dialect import Dialect
    from flowml.lab.site import Site


@dataclass(frozen=True, slots=True)
class Stratum:
    """Pool and miner of a dialect: ``serve`` and ``visit`` of an actor."""

    dialect: Dialect

    async def serve(self, site: Site, rng: Generator) -> None:
        """Be the pool, with breakdowns where they were drawn."""

        async def serve() -> None:
            pool = Pool(self.dialect, site.parameters, rng)
            await together(pool.renew(), pool.notify(), site.listen(pool.attend))

        await with_outages(site, rng, serve)

    async def visit(self, site: Site, rng: Generator) -> None:
        """Mine for one session."""
        drawn = site.parameters
        hashes_per_s = drawn["hashes_per_s"] * rng.lognormal(0.0, 0.5)
        # One in two programs was started for this connection; the others go on counting.
        n_sent = int(drawn["first_number"] * rng.integers(0, 2))
        async with asyncio.timeout(rng.exponential(drawn["session_s"]) + 30.0), site.connected() as peer:
            await Miner(self.dialect, peer, drawn, hashes_per_s, rng, n_sent).mine()


def stratum_actors(
    name: str,
    draw: Callable[[Generator], Parameters],
    dialect: Dialect,
    ports: tuple[int, ...],
    tls_ports: tuple[int, ...],
    *,
    family: str | None = None,
) -> tuple[Actor, Actor]:
    """Make the actors of a dialect, plain and in TLS."""
    stratum = Stratum(dialect)
    plain = Actor(
        name, family or name, draw, stratum.serve, stratum.visit, ports, is_mining=True, clients=(1, 4)
    )
    return plain, over_tls(plain, tls_ports)
