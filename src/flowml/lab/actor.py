"""What an actor is: a server and its clients, with the parameters that make each instance different."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.random import Generator

from flowml.lab.peer import GONE
from flowml.lab.site import Site

_RETURN_S = 6.0  # mean pause before a client whose connection broke comes again

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

    has_tls: bool = False
    """Whether a certificate, a TLS version and an SNI are drawn for each server."""

    is_alone: bool = False
    """Whether each client needs a host of its own."""

    n_doors: int = 1
    """Hosts on which each server stands; a client may go from one to another."""

    evasion: str = "none"
    strength: str = "none"

    over_udp: bool = False
    """Whether it sends datagrams by itself: nothing that carries streams, and no TLS, takes them."""


def over_tls(actor: Actor, ports: tuple[int, ...]) -> Actor:
    """Return the same actor with TLS below its protocol: ``Site.listen`` and ``Site.connect`` see to it."""
    return replace(actor, name=f"{actor.name}-tls", carrier="tls", has_tls=True, ports=ports)


async def come_again(visit: Part, site: Site, rng: Generator) -> None:
    """Visit for ever: a client whose connection broke comes back after a pause."""
    while True:
        try:
            await visit(site, rng)
        except* GONE:
            pass  # refused, reset or closed
        await asyncio.sleep(rng.exponential(_RETURN_S) + 0.5)
