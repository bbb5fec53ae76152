"""The scenario ``full``: every mining actor over every carrier with every evasion, among benign actors.

There are too many combinations for one recording, and more clients than one process plays. So ``full`` comes
in parts, each a scenario of its own. A part has each evasion in each strength over each carrier once, with an
actor that changes from one part to the next, and its share of miners that do not evade. Benign actors go over
the same carriers, alone and in company, or a model would learn that a proxy is a miner.
"""

from __future__ import annotations

from itertools import cycle, islice, product
from typing import TYPE_CHECKING

from flowml.lab.casting import all_actors, all_carriers, all_evasions, dressed, fits
from flowml.lab.company import in_company
from flowml.lab.evasions.evasion import STRENGTHS
from flowml.lab.scenario import Cast, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowml.lab.actor import Actor
    from flowml.lab.carriers.carrier import Carrier

N_PARTS = 4
_DURATION_S = 1500.0
_BENIGN_CLIENTS = 2600
"""Benign clients of a part, about, besides those that come for a visit."""

_VISITED = ("kept-alive", "kept-alive-tls")
_VISITED_SERVERS = 5
"""Further servers of these, visited for a few questions: most connections of a network are short."""

_PROGRAM_SERVERS = 3
"""Servers of each benign actor that runs programs: a client of it costs a process or three."""

_TUNNELLED = 3
"""How often an evasion inside tunnels is played over each of them: fewer carriers can have it than others."""

_STRIDE = 7
"""By how much the actors are shifted from one part to the next; prime to their usual numbers."""


def full() -> tuple[Scenario, ...]:
    """All parts."""
    return tuple(_part(number) for number in range(N_PARTS))


def _part(number: int) -> Scenario:
    known = all_actors().values()
    miners = [actor for actor in known if actor.is_mining]
    others = [actor for actor in known if not actor.is_mining]
    casts = (
        *_counted(_evaders(miners, number)),
        *_counted(_open_miners(miners, number)),
        *_counted(_benign(others, number)),
    )
    return Scenario(
        f"full-{number + 1}",
        f"part {number + 1} of {N_PARTS}: actors over all carriers, miners with all evasions",
        casts,
        _DURATION_S,
        lead_s=60.0,
        arrivals_s=300.0,
    )


def _counted(actors: Iterable[Actor]) -> Iterator[Cast]:
    """Casts, with one that comes again counted up, so that no two servers have one origin."""
    by_name: dict[str, list[Actor]] = {}
    for actor in actors:
        by_name.setdefault(actor.name, []).append(actor)
    for same in by_name.values():
        yield Cast(same[0], len(same))


def _ways(actors: list[Actor]) -> list[tuple[Carrier | None, list[Actor]]]:
    """Each carrier with the actors that it suits; plain TCP and TLS are the actors' own."""
    own = [[actor for actor in actors if actor.has_tls is has_tls] for has_tls in (False, True)]
    carried = [(carrier, [a for a in actors if fits(a, carrier)]) for carrier in all_carriers().values()]
    return [*((None, able) for able in own), *carried]


def _evaders(miners: list[Actor], part: int) -> Iterator[Actor]:
    """Each evasion in each strength over each carrier once, in tunnels thrice."""
    evasions = all_evasions().values()
    for way, (carrier, able) in enumerate(_ways(miners)):
        turn = (part * _STRIDE + way) % len(able)
        nth = cycle([*able[turn:], *able[:turn]])
        for evasion, strength in product(evasions, STRENGTHS):
            candidates = (next(nth) for _ in able)
            fitting = (actor for actor in candidates if fits(actor, carrier, evasion, strength))
            for actor in islice(fitting, _TUNNELLED if evasion.needs_tunnel else 1):
                yield dressed(actor, carrier, evasion, strength)


def _open_miners(miners: list[Actor], part: int) -> Iterator[Actor]:
    """The part's share of miners that do not evade, over all carriers."""
    pairs = [(carrier, actor) for carrier, able in _ways(miners) for actor in able]
    for carrier, actor in pairs[part::N_PARTS]:
        yield dressed(actor, carrier)


def _benign(actors: list[Actor], part: int) -> Iterator[Actor]:
    """Benign actors over each carrier, alone or in company; then on their own until there are enough."""
    carried = list(_carried(actors, part))
    yield from carried
    programs = [actor for actor in actors if actor.requires]
    yield from programs * _PROGRAM_SERVERS
    yield from [actor for actor in actors if actor.name in _VISITED] * _VISITED_SERVERS
    streams = [actor for actor in actors if not actor.requires]
    n_missing = _BENIGN_CLIENTS - _n_clients(carried) - _PROGRAM_SERVERS * _n_clients(programs)
    yield from streams * max(2, round(n_missing / _n_clients(streams)))


def _n_clients(actors: Iterable[Actor]) -> float:
    return sum(sum(actor.clients) / 2 for actor in actors)


def _carried(actors: list[Actor], part: int) -> Iterator[Actor]:
    """Each actor over every second carrier, over the others in the next part: such clients cost most."""
    for way, carrier in enumerate(all_carriers().values()):
        able = [actor for actor in actors if fits(actor, carrier)]
        for number, actor in list(enumerate(able))[(way + part) % 2 :: 2]:
            yield dressed(
                _accompanied(actor, able, number // 2 + part) if carrier.is_tunnel else actor, carrier
            )


def _accompanied(actor: Actor, able: list[Actor], number: int) -> Actor:
    """Every second tunnel has more than one actor in it, as most have."""
    others = [other for other in able if not (other.has_tls or other.requires)]
    n_others = (0, 1, 0, 3)[number % 4]
    return in_company(actor, tuple(others[(number * _STRIDE + n) % len(others)] for n in range(n_others)))
