"""Submit delay and jitter: a share is not sent when it is found.

Each message of the miner waits up to 2 s (weak), 10 s (middle) or 40 s (strong), drawn evenly; order is kept.
The longest wait costs a few shares in a hundred, those of a job that has been replaced by then.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.evasions.disguise import Disguise, disguised, suits_streams
from flowml.lab.evasions.evasion import Evasion

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Actor

_LONGEST_S = {"weak": 2.0, "middle": 10.0, "strong": 40.0}


def _hold(longest_s: float, now_s: float, rng: Generator) -> float:
    del now_s
    return float(rng.uniform(0.0, longest_s))


def _apply(actor: Actor, strength: str) -> Actor:
    return disguised(actor, Disguise(hold_s=partial(_hold, _LONGEST_S[strength])))


EVASIONS = (Evasion("delay", _apply, suits_streams),)
