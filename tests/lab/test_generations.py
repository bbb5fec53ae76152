from __future__ import annotations

from collections import Counter, defaultdict

from flowml.lab.generations import carried, generations
from flowml.lab.scenario import plan

_SCENARIO = generations()
_FAMILIES = {"bitcoin", "getwork", "zcash", "ethereum", "monero"}


def test_each_family_has_at_least_fifteen_pools_in_the_clear_and_in_tls() -> None:
    pools: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for cast in _SCENARIO.casts:
        if cast.actor.is_mining:
            pools[cast.actor.family][cast.actor.carrier] += cast.n_servers
    assert set(pools) == _FAMILIES
    assert min(n_pools for carriers in pools.values() for n_pools in carriers.values()) >= 15


def test_nobody_evades_and_no_program_is_needed() -> None:
    assert {cast.actor.evasion for cast in _SCENARIO.casts} == {"none"}
    assert not any(cast.actor.requires for cast in _SCENARIO.casts)


def test_there_are_more_benign_clients_than_miners() -> None:
    clients: Counter[bool] = Counter()
    for instance in plan(_SCENARIO, 61).instances:
        clients[instance.actor.is_mining] += len(instance.clients)
    assert clients[False] > clients[True]


def test_each_family_is_carried_over_every_proxy_and_tunnel_that_is_judged() -> None:
    ways = {(cast.actor.family, cast.actor.carrier) for cast in carried().casts if cast.actor.is_mining}
    carriers = {"socks5", "connect", "wss", "ssh", "openvpn"}
    assert ways == {(family, carrier) for family in _FAMILIES for carrier in carriers}
    benign = {cast.actor.carrier for cast in carried().casts if not cast.actor.is_mining}
    assert benign == carriers
