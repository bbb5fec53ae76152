from __future__ import annotations

from dataclasses import replace

import pytest

from flowml.errors import LabError
from flowml.lab.actor import Program
from flowml.lab.scenario import Cast, Scenario, by_name, plan, require_programs
from flowml.lab.scenarios import actors, scenarios

_DEMO = by_name(scenarios(), "demo")


def test_the_same_seed_draws_the_same_plan() -> None:
    assert plan(_DEMO, 7) == plan(_DEMO, 7)
    assert plan(_DEMO, 7) != plan(_DEMO, 8)


def test_no_two_servers_share_an_endpoint_and_no_client_is_a_server() -> None:
    for scenario in scenarios():
        drawn = plan(scenario, 3)
        servers = [instance.server for instance in drawn.instances]
        assert len(set(servers)) == len(servers)
        hosts = {instance.host for instance in drawn.instances}
        assert not hosts & {client.host for instance in drawn.instances for client in instance.clients}


def test_early_clients_come_before_the_recording_and_the_others_after_its_start() -> None:
    monero = actors()["monero"]
    crowd = Scenario("crowd", "", (Cast(monero, 60),), 60.0, lead_s=10.0, early_ratio=0.5, arrivals_s=5.0)
    starts = [client.start_s for instance in plan(crowd, 1).instances for client in instance.clients]
    early_ratio = sum(start < 0 for start in starts) / len(starts)
    assert 0.35 < early_ratio < 0.65
    assert min(starts) >= -8.0
    assert max(starts) <= 5.0


def test_the_demo_needs_no_program() -> None:
    assert not any(cast.actor.requires for cast in _DEMO.casts)


def test_a_missing_program_is_named_with_its_package() -> None:
    actor = replace(actors()["telemetry"], requires=(Program("no-such-program", "no-such-package"),))
    with pytest.raises(LabError, match="apt-get install no-such-package"):
        require_programs(Scenario("needy", "", (Cast(actor),), 1.0))


def test_an_unknown_scenario_is_answered_with_the_known_ones() -> None:
    with pytest.raises(LabError, match=r"no scenario 'last'; there are: demo, first"):
        by_name(scenarios(), "last")


@pytest.mark.parametrize("name", sorted(actors()))
def test_an_actor_says_what_the_manifest_needs(name: str) -> None:
    actor = actors()[name]
    assert actor.ports
    assert 1 <= actor.clients[0] <= actor.clients[1]
    assert (actor.carrier != "plain") == name.endswith("-tls")
