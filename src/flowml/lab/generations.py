"""The scenarios ``generations`` and ``carried``: miners and pools of 2010 to 2019, and today's botnets.

Many pools of each family, in the clear and in TLS, none of which evades: a model is to learn what the family
says in any generation, and from so many pools that none of them stands for it. ``carried`` has a pool of each
over every other carrier that flowml judges, and what resembles them over the same.
"""

from __future__ import annotations

from flowml.lab.casting import all_actors, all_carriers, dressed, fits
from flowml.lab.scenario import Cast, Scenario

_POOLS = {
    "bitcoin-early": (18, 12),
    "scrypt": (18, 12),
    "getwork-early": (32, 18),
    "zcash-early": (32, 20),
    "ethereum-early": (24, 14),
    "ethereum-stratum-early": (14, 8),
    "cryptonote-early": (24, 14),
    "monero-botnet": (10, 10),
}
"""Pools of each actor, in the clear and in TLS."""

_LOOK_ALIKES = {
    "node-monitor": 12,
    "electrum-early": 6,
    "electrum": 3,
    "block-explorer": 4,
    "node-rpc": 5,
    "wallet-refresh": 4,
    "bitcoin-node": 6,
    "monero-node": 5,
    "ethereum-node": 5,
    "jsonrpc": 6,
    "long-poll": 5,
    "iot-cloud": 5,
    "telemetry": 4,
    "job-queue": 3,
    "order-entry": 3,
    "payment": 3,
    "price-feed": 3,
    "endpoint-agent": 3,
    "application": 12,
}
"""Servers of the benign actors that resemble them most; of the others there is one."""


def generations() -> Scenario:
    """Make the scenario."""
    known = all_actors()
    pools = [
        cast
        for name, (n_plain, n_tls) in _POOLS.items()
        for cast in (Cast(known[name], n_plain), Cast(known[f"{name}-tls"], n_tls))
    ]
    benign = [
        Cast(actor, _LOOK_ALIKES.get(actor.name.removesuffix("-tls"), 1))
        for actor in known.values()
        if not (actor.is_mining or actor.requires or actor.over_udp)
    ]
    return Scenario(
        "generations",
        "miners and pools of earlier years, and today's botnets, among what resembles them",
        (*pools, *benign),
        duration_s=900.0,
        lead_s=40.0,
    )


def carried() -> Scenario:
    """Make the scenario of the same actors over proxies and tunnels; WireGuard's datagrams are not judged."""
    known = all_actors()
    actors = [known[name] for name in (*_POOLS, *_LOOK_ALIKES)]
    carriers = [carrier for name, carrier in all_carriers().items() if name != "wireguard"]
    casts = tuple(
        Cast(dressed(actor, carrier)) for carrier in carriers for actor in actors if fits(actor, carrier)
    )
    return Scenario(
        "carried",
        "the same miners over proxies and tunnels, among what resembles them over the same",
        casts,
        duration_s=600.0,
        lead_s=40.0,
    )
