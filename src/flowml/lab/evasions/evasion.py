"""What an evasion is: a change to a mining actor, in three strengths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowml.lab.actor import Actor

STRENGTHS = ("weak", "middle", "strong")


def _any(actor: Actor) -> bool:
    del actor
    return True


@dataclass(frozen=True, slots=True)
class Evasion:
    """A way of hiding.

    Attributes
    ----------
    name
        Stands in the truth, and after a plus sign in the name of an actor that evades.
    apply
        The actor that evades so, at one of ``STRENGTHS``.
    suits
        Whether the evasion does anything to an actor.
    is_outermost
        It acts on the whole connection, that of a tunnel too, and is put around the carrier.
    needs_tunnel
        It makes sense only inside a carrier that is a tunnel.
    """

    name: str
    apply: Callable[[Actor, str], Actor]
    suits: Callable[[Actor], bool] = _any
    is_outermost: bool = False
    needs_tunnel: bool = False


def evading(actor: Actor, evasion: Evasion, strength: str) -> Actor:
    """Return the same actor that evades, with ``+NAME-STRENGTH`` after its own."""
    evader = evasion.apply(actor, strength)
    name = f"{actor.name}+{evasion.name}-{strength}"
    return replace(evader, name=name, evasion=evasion.name, strength=strength)


@dataclass(frozen=True, slots=True)
class Changed:
    """How an actor is drawn, with some of what was drawn changed."""

    actor: Actor
    change: Callable[[dict[str, Any]], dict[str, Any]]

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw as the actor does, then change."""
        drawn = dict(self.actor.draw(rng))
        return {**drawn, **self.change(drawn)}


def draws_any_of(actor: Actor, names: set[str]) -> bool:
    """Whether an actor has one of these parameters."""
    return not names.isdisjoint(actor.draw(np.random.default_rng(0)))
