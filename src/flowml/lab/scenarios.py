"""The scenarios that come with flowml, and the actors that it finds for them."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from flowml.errors import LabError
from flowml.lab import benign, mining
from flowml.lab.scenario import Cast, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowml.lab.actor import Actor

_HARD_FAMILIES = frozenset({"telemetry", "json-rpc", "push"})
"""Long, quiet and of constant sizes: what is most often mistaken for mining needs most of its variation."""


def actors() -> dict[str, Actor]:
    """All actors by name: those in ``ACTORS`` of each module of ``lab.mining`` and ``lab.benign``."""
    return {actor.name: actor for actor in _found()}


def scenarios() -> tuple[Scenario, ...]:
    """All scenarios."""
    return (_first(), _demo(), _wide())


def _found() -> Iterator[Actor]:
    for package in (mining, benign):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            try:
                found = importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                raise LabError(
                    f"lab: the Python package {error.name} is missing; run: pip install 'flowml[lab]'"
                ) from error
            yield from getattr(found, "ACTORS", ())


def _casts(n_servers: dict[str, int]) -> tuple[Cast, ...]:
    known = actors()
    return tuple(Cast(known[name], n) for name, n in n_servers.items())


def _first() -> Scenario:
    return Scenario(
        "first",
        "Monero pools and miners among real programs: nginx, mosquitto, OpenSSH, redis, dnsmasq",
        _casts(
            {
                "monero": 5,
                "monero-tls": 5,
                "web": 2,
                "web-tls": 3,
                "mqtt": 2,
                "mqtt-tls": 3,
                "ssh": 3,
                "redis": 3,
                "dns": 2,
                "websocket-chat": 2,
                "websocket-chat-tls": 2,
                "http-api-tls": 2,
                "telemetry": 2,
                "telemetry-tls": 4,
            }
        ),
        duration_s=600.0,
    )


def _demo() -> Scenario:
    return Scenario(
        "demo",
        "a minute of mining and of quiet benign traffic that needs nothing but Python and iproute2",
        _casts(
            {
                "monero": 2,
                "monero-tls": 2,
                "websocket-chat": 1,
                "websocket-chat-tls": 1,
                "http-api": 1,
                "http-api-tls": 2,
                "telemetry": 1,
                "telemetry-tls": 2,
            }
        ),
        duration_s=75.0,
        lead_s=2.0,
        early_ratio=0.0,
        arrivals_s=10.0,
    )


def _wide() -> Scenario:
    """Everything there is: each mining actor three times, each benign one twice, look-alikes five times."""
    casts = tuple(Cast(actor, 3 if actor.is_mining else 2) for actor in actors().values())
    telemetry = tuple(Cast(actor, 5) for actor in actors().values() if actor.family in _HARD_FAMILIES)
    others = tuple(cast for cast in casts if cast.actor.family not in _HARD_FAMILIES)
    return Scenario(
        "wide", "every mining family and every benign actor", others + telemetry, duration_s=1200.0
    )
