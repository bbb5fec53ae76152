"""Throttling: only a part of the processor hashes, so that nobody hears the fan.

Hash rate and so shares are 50 % (weak), 20 % (middle) or 5 % (strong) of the machine's. A pool that adjusts
its difficulty gives the share rate back after a while, as real ones do; one with fixed difficulty does not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flowml.lab.evasions.evasion import Changed, Evasion, draws_any_of

if TYPE_CHECKING:
    from flowml.lab.actor import Actor

_RATIO = {"weak": 0.5, "middle": 0.2, "strong": 0.05}


def _slow_down(ratio: float, drawn: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if "hashes_per_s" in drawn:
        changed["hashes_per_s"] = drawn["hashes_per_s"] * ratio
    if "share_s" in drawn:
        changed["share_s"] = drawn["share_s"] / ratio
    return changed


def _apply(actor: Actor, strength: str) -> Actor:
    return replace(actor, draw=Changed(actor, partial(_slow_down, _RATIO[strength])).draw)


def _suits(actor: Actor) -> bool:
    return draws_any_of(actor, {"hashes_per_s", "share_s"})


EVASIONS = (Evasion("throttle", _apply, _suits),)
