"""Batching: shares are collected and sent together by the clock.

It strikes every 10 s (weak), 30 s (middle) or 90 s (strong).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.evasions.disguise import Disguise, disguised, suits_streams
from flowml.lab.evasions.evasion import Evasion

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Actor

_EVERY_S = {"weak": 10.0, "middle": 30.0, "strong": 90.0}


def until_next(every_s: float, now_s: float, rng: Generator) -> float:
    """Time until the clock strikes next."""
    del rng
    return every_s - now_s % every_s


def _apply(actor: Actor, strength: str) -> Actor:
    return disguised(actor, Disguise(hold_s=partial(until_next, _EVERY_S[strength])))


EVASIONS = (Evasion("batching", _apply, suits_streams),)
