"""What an actor is: a server and its clients, with the parameters that make each instance different."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.random import Generator

from flowml.lab.site import Site

Parameters = Mapping[str, bool | float | int | str]
Part = Callable[[Site, Generator], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Program:
    """A program that an actor runs, and the Debian package that holds it."""

    name: str
    package: str


@dataclass(frozen=True, slots=True)
class Actor:
    """A kind of traffic: one server, some clients, and how to draw what differs between instances.

    ``serve`` and ``visit`` get a site (where they stand, the parameters) and a generator of their own. They
    run until they are cancelled; a client whose connection breaks is started again after a pause.
    """

    name: str
    family: str
    draw: Callable[[Generator], Parameters]
    serve: Part
    visit: Part
    ports: tuple[int, ...]
    is_mining: bool = False
    carrier: str = "plain"
    requires: tuple[Program, ...] = ()
    clients: tuple[int, int] = (1, 3)
    """Fewest and most clients of one server."""


def over_tls(actor: Actor, ports: tuple[int, ...]) -> Actor:
    """Return the same actor with TLS below its protocol: ``Site.listen`` and ``Site.connect`` see to it."""
    return replace(actor, name=f"{actor.name}-tls", carrier="tls", ports=ports)
