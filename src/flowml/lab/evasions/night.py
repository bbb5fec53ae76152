"""Mining at night only: the miner leaves the pool when people are about, and comes back when they are gone.

A recording lasts minutes, so its days do: the miner is there for 240 s of every 300 s (weak), 150 s of 300 s
(middle) or 60 s of 300 s (strong), each drawn anew within a fifth.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flowml.lab.evasions.evasion import Evasion

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Actor, Part
    from flowml.lab.site import Site

_DAY_S = 300.0
_NIGHT_S = {"weak": 240.0, "middle": 150.0, "strong": 60.0}


@dataclass(frozen=True, slots=True)
class _AtNight:
    visit_once: Part
    night_s: float

    async def visit(self, site: Site, rng: Generator) -> None:
        try:
            async with asyncio.timeout(self.night_s * rng.uniform(0.8, 1.2)) as night:
                await self.visit_once(site, rng)
        except TimeoutError:
            if not night.expired():
                raise
            await asyncio.sleep((_DAY_S - self.night_s) * rng.uniform(0.8, 1.2))


def _apply(actor: Actor, strength: str) -> Actor:
    return replace(actor, visit=_AtNight(actor.visit, _NIGHT_S[strength]).visit)


EVASIONS = (Evasion("night", _apply, is_outermost=True),)
