"""High fixed difficulty: few shares, each worth many, at a pool that does not adjust.

The mean gap between shares is the pool's usual target times 4 (weak), 15 (middle) or 60 (strong): minutes to
hours. It costs nothing in the long run but a more uneven income.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flowml.lab.evasions.evasion import Changed, Evasion, draws_any_of

if TYPE_CHECKING:
    from flowml.lab.actor import Actor

_TIMES = {"weak": 4.0, "middle": 15.0, "strong": 60.0}
_SCALED = {"difficulty", "share_s"}
"""Parameters of families without stratum: browser mining's fixed difficulty, the mean gap of eth_getWork."""


def _raise(times: float, drawn: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {name: drawn[name] * times for name in _SCALED & set(drawn)}
    if "start_difficulty" in drawn:
        changed["start_difficulty"] = drawn["hashes_per_s"] * drawn["target_s"] * times
        changed["vardiff"] = False
    return changed


def _apply(actor: Actor, strength: str) -> Actor:
    return replace(actor, draw=Changed(actor, partial(_raise, _TIMES[strength])).draw)


def _suits(actor: Actor) -> bool:
    return draws_any_of(actor, {"start_difficulty", *_SCALED})


EVASIONS = (Evasion("high-difficulty", _apply, _suits),)
