"""Scenarios: who plays, how many, and everything that is drawn from the seed before the curtain rises."""

from __future__ import annotations

import shutil
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from flowml.errors import LabError
from flowml.lab.network import address_of
from flowml.lab.wire import Link

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.random import Generator

    from flowml.lab.actor import Actor, Parameters


@dataclass(frozen=True, slots=True)
class Cast:
    """An actor and how many servers of it there are."""

    actor: Actor
    n_servers: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named set of actors, and when they come."""

    name: str
    summary: str
    casts: tuple[Cast, ...]
    duration_s: float
    lead_s: float = 20.0
    """Time before the recording starts, in which the early clients come."""

    early_ratio: float = 0.5
    """Share of clients that are there before the recording starts."""

    arrivals_s: float = 120.0
    """Time within which the other clients come after the start."""


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """A client: the number of its host, when it comes (0 is the start of the recording), its seed."""

    host: int
    start_s: float
    seed: int


@dataclass(frozen=True, slots=True)
class Instance:
    """One server with its clients, as drawn."""

    actor: Actor
    origin: str
    hosts: tuple[int, ...]
    port: int
    parameters: Parameters
    seed: int
    clients: tuple[ClientPlan, ...]

    @property
    def servers(self) -> tuple[tuple[str, int], ...]:
        """Address and port of each of the server's doors."""
        return tuple((address_of(host), self.port) for host in self.hosts)


@dataclass(frozen=True, slots=True)
class Plan:
    """All instances of a scenario, and the link of each host."""

    instances: tuple[Instance, ...]
    links: tuple[Link, ...]
    lead_s: float


def plan(scenario: Scenario, seed: int) -> Plan:
    """Draw everything that a scenario leaves open; the same seed draws the same."""
    rng = np.random.default_rng([seed, zlib.crc32(scenario.name.encode())])
    links: list[Link] = []
    instances: list[Instance] = []
    for cast in scenario.casts:
        for number in range(cast.n_servers):
            origin = f"{scenario.name}/{cast.actor.name}-{number + 1}"
            instances.append(_instance(cast.actor, origin, scenario, links, rng))
    return Plan(tuple(instances), _with_detours(links, seed), scenario.lead_s)


def is_simulable(actor: Actor) -> bool:
    """Whether an actor can play in simulated time: programs do not, and datagrams are not simulated."""
    return not (actor.requires or actor.over_udp)


def missing_programs(scenario: Scenario) -> tuple[str, ...]:
    """Debian packages whose programs the scenario needs and this machine has not."""
    programs = {program for cast in scenario.casts for program in cast.actor.requires}
    return tuple(sorted({p.package for p in programs if shutil.which(p.name, path=_PATH) is None}))


def require_programs(scenario: Scenario) -> None:
    """Raise LabError, naming the packages, unless all programs of the scenario are installed."""
    packages = missing_programs(scenario)
    if packages:
        raise LabError(
            f"lab: scenario {scenario.name} runs programs that are not installed; run: "
            f"apt-get install {' '.join(packages)}"
        )


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _instance(actor: Actor, origin: str, scenario: Scenario, links: list[Link], rng: Generator) -> Instance:
    hosts = tuple(_add(links, _server_link(rng)) for _ in range(actor.n_doors))
    parameters = {**actor.draw(rng), **(_tls(actor, rng) if actor.has_tls else {})}
    n_clients = int(rng.integers(actor.clients[0], actor.clients[1] + 1))
    clients: list[ClientPlan] = []
    while len(clients) < n_clients:
        client_host = _add(links, _client_link(rng))
        # A machine may hold several clients: a household, a farm, a process with a pool of connections.
        n_together = 1 if actor.is_alone else int(rng.choice([1, 1, 1, 2, 3, 5]))
        n_here = min(n_clients - len(clients), n_together)
        clients.extend(ClientPlan(client_host, _start(scenario, rng), _seed(rng)) for _ in range(n_here))
    port = int(rng.choice(actor.ports))
    return Instance(actor, origin, hosts, port, parameters, _seed(rng), tuple(clients))


def _add(links: list[Link], link: Link) -> int:
    links.append(link)
    return len(links) - 1


def _seed(rng: Generator) -> int:
    return int(rng.integers(2**32))


def _start(scenario: Scenario, rng: Generator) -> float:
    if rng.random() < scenario.early_ratio:
        return float(rng.uniform(2.0 - scenario.lead_s, 0.0))
    return float(rng.uniform(0.0, scenario.arrivals_s))


def _server_link(rng: Generator) -> Link:
    """Draw the link of a server anywhere on the earth: 1 to 150 ms from the tap, one way."""
    delay_s = float(np.exp(rng.uniform(np.log(0.001), np.log(0.150))))
    return Link(delay_s, delay_s * rng.uniform(0.0, 0.1), _loss(rng), 1e8)


def _client_link(rng: Generator) -> Link:
    """Draw the link of a client at the tap's own site, seldom behind radio or a branch office's line."""
    near = rng.random() < 0.7
    delay_s = float(rng.uniform(0.0001, 0.002) if near else np.exp(rng.uniform(np.log(0.002), np.log(0.05))))
    jitter_s = delay_s * rng.uniform(0.0, 0.2 if near else 1.0)
    return Link(delay_s, jitter_s, _loss(rng), float(rng.choice([1e7, 5e7, 1e8])))


def _loss(rng: Generator) -> float:
    return float(rng.uniform(0.0005, 0.01)) if rng.random() < 0.2 else 0.0


def _with_detours(links: Sequence[Link], seed: int) -> tuple[Link, ...]:
    """Let packets overtake each other on one link in ten; drawn apart, so that it moves no other draw."""
    rng = np.random.default_rng([seed, len(links)])
    has_detours = rng.random(len(links)) < 0.1
    ratios = np.where(has_detours, rng.uniform(0.001, 0.02, len(links)), 0.0)
    return tuple(
        replace(link, detour_ratio=ratio) for link, ratio in zip(links, ratios.tolist(), strict=True)
    )


def _tls(actor: Actor, rng: Generator) -> Parameters:
    drawn: dict[str, bool | float | int | str] = {
        "tls_version": str(rng.choice(["1.2", "1.3"], p=[0.35, 0.65])),
        "key": str(rng.choice(["ec", "rsa"])),
        "issuers": int(rng.choice([0, 1, 2])),
        # Miners send no SNI unless told to (XMRig, config.json, "sni": false); nearly all others do.
        "sni": "",
    }
    if rng.random() < (0.15 if actor.is_mining else 0.9):
        drawn["sni"] = f"{_label(rng)}.{_label(rng)}.example"
    return drawn


def _label(rng: Generator) -> str:
    return "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), size=int(rng.integers(3, 13))))


def parts_of(scenarios: Sequence[Scenario], name: str) -> tuple[Scenario, ...]:
    """Find a scenario, or all parts of one that comes in parts (``full``: ``full-1``, ``full-2``, ...).

    Raises
    ------
    LabError
        If there is no such scenario; the message lists what there is.
    """
    parts = tuple(scenario for scenario in scenarios if scenario.name.rpartition("-")[0] == name)
    return parts or (by_name(scenarios, name),)


def by_name(scenarios: Iterable[Scenario], name: str) -> Scenario:
    """Find a scenario; LabError that lists what there is."""
    known = {scenario.name: scenario for scenario in scenarios}
    if name not in known:
        raise LabError(f"lab: no scenario {name!r}; there are: {', '.join(sorted(known))}")
    return known[name]
