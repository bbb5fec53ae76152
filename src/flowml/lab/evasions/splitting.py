"""Splitting: the messages of one miner go over 2 (weak), 3 (middle) or 6 (strong) connections at random.

Each connection alone shows a part of the shares, and answers that belong to none of its own questions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.evasions.disguise import Disguise, disguised, suits_streams
from flowml.lab.evasions.evasion import Evasion

if TYPE_CHECKING:
    from flowml.lab.actor import Actor

_CONNECTIONS = {"weak": 2, "middle": 3, "strong": 6}


def _apply(actor: Actor, strength: str) -> Actor:
    return disguised(actor, Disguise(n_connections=_CONNECTIONS[strength]))


EVASIONS = (Evasion("splitting", _apply, suits_streams),)
