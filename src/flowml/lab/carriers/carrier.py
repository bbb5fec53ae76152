"""What a carrier is: a front before a server, and a way to it for the clients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, Program, come_again
from flowml.lab.site import Site

if TYPE_CHECKING:
    from numpy.random import Generator

Way = Callable[[Site], AbstractAsyncContextManager[Site]]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A proxy or a tunnel between clients and their server.

    Attributes
    ----------
    name
        Stands in the truth, and after a slash in the name of an actor that is carried.
    ports
        Where the front listens.
    draw
        What differs between instances; the names must not meet an actor's.
    fronting
        On the server's host: stand at the site's endpoint while the context lasts. Gives the site at which
        the actor serves.
    carried
        On a client's host: the way while the context lasts, an OSError when it breaks. Gives the site from
        which the actor visits.
    requires
        Programs of both sides.
    has_tls
        The front speaks TLS, so that certificate and SNI are drawn.
    is_tunnel
        All connections of a client share one with the front, and nobody sees how many there are.
    takes_programs
        Also what programs send passes, not only what the lab's own streams do.
    """

    name: str
    ports: tuple[int, ...]
    draw: Callable[[Generator], Parameters]
    fronting: Way
    carried: Way
    requires: tuple[Program, ...] = ()
    has_tls: bool = False
    is_tunnel: bool = False
    takes_programs: bool = False

    def suits(self, actor: Actor) -> bool:
        """Whether the actor's traffic can pass: programs and datagrams often cannot, nor TLS inside TLS."""
        is_stream = not (actor.requires or actor.over_udp)
        return (self.takes_programs or is_stream) and not (self.has_tls and actor.has_tls)


@dataclass(frozen=True, slots=True)
class _Carried:
    """An actor's parts behind a carrier."""

    actor: Actor
    carrier: Carrier

    def draw(self, rng: Generator) -> Parameters:
        return {**self.actor.draw(rng), **self.carrier.draw(rng)}

    async def serve(self, site: Site, rng: Generator) -> None:
        async with self.carrier.fronting(site) as inner:
            await self.actor.serve(inner, rng)

    async def visit(self, site: Site, rng: Generator) -> None:
        async with self.carrier.carried(site) as inner:
            await come_again(self.actor.visit, inner, rng)


def carried_by(actor: Actor, carrier: Carrier) -> Actor:
    """Return the same actor behind the carrier, with ``/NAME`` after its own."""
    carried = _Carried(actor, carrier)
    return replace(
        actor,
        name=f"{actor.name}/{carrier.name}",
        draw=carried.draw,
        serve=carried.serve,
        visit=carried.visit,
        ports=carrier.ports,
        carrier=carrier.name,
        requires=tuple(dict.fromkeys((*actor.requires, *carrier.requires))),
        has_tls=actor.has_tls or carrier.has_tls,
        is_alone=actor.is_alone or carrier.takes_programs,
    )
