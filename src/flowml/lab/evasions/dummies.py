"""Dummy messages: both ends send messages of no meaning, of 20 to 600 bytes, at random.

The mean gap of each end is 60 s (weak), 15 s (middle) or 4 s (strong); at the strongest there are more
dummies than shares at most pools.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.evasions.disguise import Disguise, disguised, suits_streams
from flowml.lab.evasions.evasion import Evasion
from flowml.lab.evasions.frames import Kind

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Actor
    from flowml.lab.evasions.disguise import Line

_MEAN_S = {"weak": 60.0, "middle": 15.0, "strong": 4.0}


async def _babble(mean_s: float, line: Line, rng: Generator) -> None:
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        await line.send(Kind.DUMMY, rng.bytes(int(rng.integers(10, 590))))


def _apply(actor: Actor, strength: str) -> Actor:
    babble = partial(_babble, _MEAN_S[strength])
    return disguised(actor, Disguise(miner_besides=babble, pool_besides=babble))


EVASIONS = (Evasion("dummies", _apply, suits_streams),)
