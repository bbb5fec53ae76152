from __future__ import annotations

from dataclasses import replace

import pytest

from flowml.errors import LabError
from flowml.lab.actor import Program
from flowml.lab.casting import all_actors, all_carriers, all_evasions, fits
from flowml.lab.evasions.evasion import STRENGTHS
from flowml.lab.scenario import Cast, Scenario, by_name, is_simulable, parts_of, plan, require_programs
from flowml.lab.scenarios import scenarios

_DEMO = by_name(scenarios(), "demo")


def test_the_same_seed_draws_the_same_plan() -> None:
    assert plan(_DEMO, 7) == plan(_DEMO, 7)
    assert plan(_DEMO, 7) != plan(_DEMO, 8)


def test_no_two_servers_share_an_endpoint_and_no_client_is_a_server() -> None:
    for scenario in scenarios():
        drawn = plan(scenario, 3)
        servers = [server for instance in drawn.instances for server in instance.servers]
        assert len(set(servers)) == len(servers)
        hosts = {host for instance in drawn.instances for host in instance.hosts}
        assert not hosts & {client.host for instance in drawn.instances for client in instance.clients}


def test_early_clients_come_before_the_recording_and_the_others_after_its_start() -> None:
    monero = all_actors()["monero"]
    crowd = Scenario("crowd", "", (Cast(monero, 60),), 60.0, lead_s=10.0, early_ratio=0.5, arrivals_s=5.0)
    starts = [client.start_s for instance in plan(crowd, 1).instances for client in instance.clients]
    early_ratio = sum(start < 0 for start in starts) / len(starts)
    assert 0.35 < early_ratio < 0.65
    assert min(starts) >= -8.0
    assert max(starts) <= 5.0


def test_packets_overtake_each_other_on_one_link_in_ten() -> None:
    links = plan(by_name(scenarios(), "wide"), 3).links
    ratios = [link.detour_ratio for link in links if link.detour_ratio]
    assert 0.07 * len(links) < len(ratios) < 0.13 * len(links)
    assert max(ratios) <= 0.02


def test_the_demo_needs_no_program() -> None:
    assert not any(cast.actor.requires for cast in _DEMO.casts)


def test_a_missing_program_is_named_with_its_package() -> None:
    actor = replace(all_actors()["telemetry"], requires=(Program("no-such-program", "no-such-package"),))
    with pytest.raises(LabError, match="apt-get install no-such-package"):
        require_programs(Scenario("needy", "", (Cast(actor),), 1.0))


def test_an_unknown_scenario_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        LabError, match=r"no scenario 'last'; there are: broad, carried, demo, drawn, everyday, first"
    ):
        by_name(scenarios(), "last")


def test_a_scenario_in_parts_is_found_whole_and_part_by_part() -> None:
    known = scenarios()
    assert [part.name for part in parts_of(known, "full")] == [f"full-{n}" for n in range(1, 5)]
    assert [part.name for part in parts_of(known, "full-2")] == ["full-2"]
    assert [part.name for part in parts_of(known, "demo")] == ["demo"]
    with pytest.raises(LabError, match="no scenario 'full-9'"):
        parts_of(known, "full-9")


@pytest.mark.parametrize("part", parts_of(scenarios(), "full"), ids=lambda part: part.name)
def test_a_part_of_full_has_every_evasion_over_every_carrier(part: Scenario) -> None:
    miners = [cast.actor for cast in part.casts if cast.actor.is_mining]
    ways = {"plain", "tls", *all_carriers()}
    for evasion in all_evasions().values():
        able = {
            way
            for way in ways
            if not evasion.needs_tunnel or getattr(all_carriers().get(way), "is_tunnel", False)
        }
        played = {(actor.carrier, actor.strength) for actor in miners if actor.evasion == evasion.name}
        assert played == {(way, strength) for way in able for strength in STRENGTHS}


def test_the_parts_of_full_have_every_miner_over_every_carrier_that_it_can_use() -> None:
    open_ = {
        c.actor.name for p in parts_of(scenarios(), "full") for c in p.casts if c.actor.evasion == "none"
    }
    miners = [actor for actor in all_actors().values() if actor.is_mining]
    assert {actor.name for actor in miners} <= open_
    pairs = [(actor, carrier) for actor in miners for carrier in all_carriers().values()]
    assert {f"{a.name}/{c.name}" for a, c in pairs if fits(a, c)} <= open_


def test_in_every_part_of_full_benign_actors_use_every_carrier_and_never_evade() -> None:
    for part in parts_of(scenarios(), "full"):
        benign = [cast.actor for cast in part.casts if not cast.actor.is_mining]
        assert {actor.carrier for actor in benign} == {"plain", "tls", *all_carriers()}
        assert {actor.evasion for actor in benign} == {"none"}


@pytest.mark.parametrize("name", sorted(all_actors()))
def test_an_actor_says_what_the_manifest_needs(name: str) -> None:
    actor = all_actors()[name]
    assert actor.ports
    assert 1 <= actor.clients[0] <= actor.clients[1]
    assert (actor.carrier != "plain") == name.endswith("-tls")


def test_what_plays_every_day_is_benign_and_can_be_simulated() -> None:
    everyday = by_name(scenarios(), "everyday")
    assert all(is_simulable(cast.actor) and not cast.actor.is_mining for cast in everyday.casts)
    assert sum(cast.n_servers for cast in everyday.casts) >= 150
