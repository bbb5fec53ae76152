"""Rotation: the miner leaves its pool every few minutes and goes to another address of it.

It stays 10 min at one of 2 addresses (weak), 4 min at one of 3 (middle) or 90 s at one of 5 (strong), each
stay drawn anew within a fifth: no connection grows old, no address sees much.
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

_STAY_S_AND_DOORS = {"weak": (600.0, 2), "middle": (240.0, 3), "strong": (90.0, 5)}


@dataclass(frozen=True, slots=True)
class _Rotating:
    visit_once: Part
    stay_s: float

    async def visit(self, site: Site, rng: Generator) -> None:
        door = site.at_door(int(rng.integers(len(site.doors))))
        async with asyncio.timeout(self.stay_s * rng.uniform(0.8, 1.2)):
            await self.visit_once(door, rng)


def _apply(actor: Actor, strength: str) -> Actor:
    stay_s, n_doors = _STAY_S_AND_DOORS[strength]
    return replace(actor, visit=_Rotating(actor.visit, stay_s).visit, n_doors=n_doors)


EVASIONS = (Evasion("rotation", _apply, is_outermost=True),)
