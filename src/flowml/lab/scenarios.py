"""The scenarios that come with flowml."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flowml.lab.casting import all_actors
from flowml.lab.full import full
from flowml.lab.generations import carried, generations
from flowml.lab.scenario import Cast, Scenario, is_simulable

if TYPE_CHECKING:
    from flowml.lab.actor import Actor

_HARD_FAMILIES = frozenset({"application", "cryptocurrency-node", "iot", "json-rpc", "push", "telemetry"})
"""Long, quiet and of constant sizes: what is most often mistaken for mining needs most of its variation."""


def scenarios() -> tuple[Scenario, ...]:
    """All scenarios."""
    return (
        *(_first(), _demo(), _monero(), _drawn(), _broad(), _everyday(), _varied(), _wide()),
        *(generations(), carried(), *full()),
    )


def _casts(n_servers: dict[str, int]) -> tuple[Cast, ...]:
    known = all_actors()
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


def _monero() -> Scenario:
    """Only what there are captures of to hold it against: see ``flowml lab realism``."""
    return Scenario(
        "monero",
        "XMRig at large public pools",
        _casts({"monero-public": 40}),
        duration_s=450.0,
        arrivals_s=20.0,
    )


def _drawn() -> Scenario:
    """Both spaces of protocols that nobody has written, in many draws: breadth, where `wide` has names."""
    return Scenario(
        "drawn",
        "miners and applications whose protocols are drawn, no two alike",
        _casts({"generic-mining": 60, "generic-mining-tls": 30, "application": 50, "application-tls": 30}),
        duration_s=600.0,
    )


def _broad() -> Scenario:
    """More of both spaces for the same room: one client each, for no longer than most verdicts take."""
    pools = {"generic-mining": 150, "generic-mining-tls": 70, "application": 110, "application-tls": 50}
    casts = (replace(cast, actor=replace(cast.actor, clients=(1, 1))) for cast in _casts(pools))
    return Scenario(
        "broad",
        "more drawn miners and applications, of each server one client; for flowml lab simulate",
        tuple(casts),
        duration_s=440.0,
        arrivals_s=60.0,
    )


_EVERYDAY = {
    "camera": 6,
    "camera-tls": 5,
    "cast-device-tls": 9,
    "cluster": 6,
    "cluster-tls": 5,
    "conference": 3,
    "conference-tls": 6,
    "dns-https-tls": 10,
    "dns-sealed-tls": 14,
    "http-repeated": 6,
    "http-repeated-tls": 8,
    "http2-visits-tls": 12,
    "messenger": 4,
    "messenger-tls": 6,
    "mqtt-devices": 6,
    "mqtt-devices-tls": 6,
    "office": 3,
    "openvpn-tcp": 5,
    "overlay": 5,
    "pending-http": 3,
    "pending-http-tls": 6,
    "push-tls": 5,
    "remote-desktop-tls": 3,
    "remote-screen": 3,
    "remote-screen-tls": 4,
    "signalling": 4,
    "signalling-tls": 5,
    "smart-home": 6,
    "smart-home-tls": 4,
    "status-feed": 5,
    "status-feed-tls": 3,
    "terminal": 6,
    "terminal-tls": 3,
    "tor-tls": 4,
    "transactions": 8,
    "transactions-tls": 6,
    "vpn-stream-tls": 10,
}
"""Servers of each kind that most networks have all day, more of those that look most like mining."""


def _everyday() -> Scenario:
    return Scenario(
        "everyday",
        "what most networks are full of all day, and no mining; for flowml lab simulate",
        _casts(_EVERYDAY),
        600.0,
    )


def _varied() -> Scenario:
    """All that can be simulated, in many draws: what a pool, a miner or an application may differ in.

    But for drawn miners: hundreds of them leave so little between mining and its look-alikes that a model
    becomes less sure of both (docs/decisions/0015).
    """
    actors = [a for a in all_actors().values() if is_simulable(a) and a.family != "generic"]
    casts = tuple(Cast(actor, _n_varied(actor)) for actor in actors)
    return Scenario(
        "varied",
        "nearly every actor that can be simulated, in many draws; for flowml lab simulate",
        casts,
        600.0,
    )


def _n_varied(actor: Actor) -> int:
    if actor.family == "application":
        return 30 if actor.has_tls else 60
    return 8 if actor.family in _HARD_FAMILIES else 6 if actor.is_mining else 3


def _wide() -> Scenario:
    """Everything there is: each mining actor three times, each benign one twice, look-alikes five times."""
    casts = tuple(Cast(actor, 3 if actor.is_mining else 2) for actor in all_actors().values())
    telemetry = tuple(Cast(actor, 5) for actor in all_actors().values() if actor.family in _HARD_FAMILIES)
    others = tuple(cast for cast in casts if cast.actor.family not in _HARD_FAMILIES)
    return Scenario(
        "wide", "every mining family and every benign actor", others + telemetry, duration_s=1200.0
    )
