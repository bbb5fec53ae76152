"""Who can play: actors, carriers and evasions that are found, and how a name puts them together."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import TYPE_CHECKING, Any, TypeVar

from flowml.errors import LabError
from flowml.lab import benign, carriers, evasions, mining
from flowml.lab.carriers.carrier import carried_by
from flowml.lab.evasions.evasion import STRENGTHS, evading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from flowml.lab.actor import Actor
    from flowml.lab.carriers.carrier import Carrier
    from flowml.lab.evasions.evasion import Evasion

_T = TypeVar("_T")


def all_actors() -> dict[str, Actor]:
    """All actors by name: those in ``ACTORS`` of each module of ``lab.mining`` and ``lab.benign``."""
    return {actor.name: actor for package in (mining, benign) for actor in _found(package, "ACTORS")}


def all_carriers() -> dict[str, Carrier]:
    """All carriers besides plain TCP and TLS by name: ``CARRIERS`` of each module of ``lab.carriers``."""
    return {carrier.name: carrier for carrier in _found(carriers, "CARRIERS")}


def all_evasions() -> dict[str, Evasion]:
    """All evasions by name: ``EVASIONS`` of each module of ``lab.evasions``."""
    return {evasion.name: evasion for evasion in _found(evasions, "EVASIONS")}


def _found(package: ModuleType, name: str) -> Iterator[Any]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        try:
            found = importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            raise LabError(
                f"lab: the Python package {error.name} is missing; run: pip install 'flowml[lab]'"
            ) from error
        yield from getattr(found, name, ())


def fits(
    actor: Actor, carrier: Carrier | None, evasion: Evasion | None = None, strength: str = "none"
) -> bool:
    """Whether an actor can go over the carrier (None: its own) and evade so."""
    if carrier is not None and not carrier.suits(actor):
        return False
    if evasion is None:
        return strength == "none"
    has_tunnel = carrier is not None and carrier.is_tunnel
    is_able = actor.is_mining and strength in STRENGTHS and evasion.suits(actor)
    return is_able and (has_tunnel or not evasion.needs_tunnel)


def dressed(
    actor: Actor, carrier: Carrier | None, evasion: Evasion | None = None, strength: str = "none"
) -> Actor:
    """Return the actor as it evades and is carried; what ends whole connections goes around the carrier."""
    if evasion is not None and not evasion.is_outermost:
        actor = evading(actor, evasion, strength)
    if carrier is not None:
        actor = carried_by(actor, carrier)
    if evasion is not None and evasion.is_outermost:
        actor = evading(actor, evasion, strength)
    return actor


def actor_named(name: str) -> Actor:
    """Find an actor by a name such as ``monero``, ``monero-tls/socks5`` or ``monero/ssh+delay-weak``.

    The carrier stands after a slash, the evasion with its strength after a plus sign, in either order.

    Raises
    ------
    LabError
        If a part of the name is unknown, or the parts do not go together.
    """
    bare, *parts = re.split("(?=[/+])", name)
    carrier_name = next((part[1:] for part in parts if part.startswith("/")), "")
    evasion_name, _, strength = next((part[1:] for part in parts if part.startswith("+")), "").rpartition("-")
    actor = _known(all_actors(), bare, "actor")
    carrier = _known(all_carriers(), carrier_name, "carrier") if carrier_name else None
    evasion = _known(all_evasions(), evasion_name, "evasion") if evasion_name else None
    if not fits(actor, carrier, evasion, strength or "none"):
        raise LabError(f"lab: {name}: these do not go together; see docs/lab.md on carriers and evasions")
    return dressed(actor, carrier, evasion, strength or "none")


def _known(found: Mapping[str, _T], name: str, what: str) -> _T:
    if name not in found:
        raise LabError(f"lab: no {what} {name!r}; there are: {', '.join(sorted(found))}")
    return found[name]
