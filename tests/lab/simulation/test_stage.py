"""Scenarios in simulated time, from the plan to labelled observations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from flowml.capture.files import meter_file
from flowml.capture.settings import MeterSettings
from flowml.cli.lab import lab
from flowml.datasets.manifest import read_data_set
from flowml.errors import LabError
from flowml.lab.actor import Actor, Parameters
from flowml.lab.casting import actor_named, all_actors
from flowml.lab.scenario import Cast, Scenario, is_simulable
from flowml.lab.simulation.stage import simulate
from flowml.schema import DST_IP, DST_PORT, FIRST_SEEN_MS, LAST_SEEN_MS
from flowml.training.collect import collect

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.random import Generator

    from flowml.lab.site import Site


def _scenario(*actors: Actor) -> Scenario:
    casts = tuple(Cast(replace(actor, clients=(2, 2))) for actor in actors)
    return Scenario("few", "", casts, 120.0, lead_s=2.0, early_ratio=0.0, arrivals_s=5.0)


def test_every_actor_that_can_be_simulated_speaks_with_its_clients(tmp_path: Path) -> None:
    actors = [actor for actor in all_actors().values() if is_simulable(actor)]
    capture = simulate(_scenario(*actors), tmp_path, 1, 60.0)
    seen: set[tuple[str, int]] = set()
    for batch in meter_file(capture.file, MeterSettings(n_dissections=0)):
        seen |= set(zip(batch[DST_IP].astype(str).tolist(), batch[DST_PORT].tolist(), strict=True))
    silent = {server.origin for server in capture.servers} - {
        server.origin for server in capture.servers if (server.ip, server.port) in seen
    }
    assert not silent


def test_a_simulated_capture_is_a_data_set_like_a_recorded_one(tmp_path: Path) -> None:
    simulate(_scenario(actor_named("monero"), actor_named("telemetry-tls")), tmp_path, 3, 120.0)
    (part,) = collect(read_data_set(tmp_path), late_s=(0.0,), n_jobs=1)
    assert part.labelled is not None
    assert part.problem == ""
    is_mining, carrier = part.labelled.is_mining, part.labelled.carrier
    assert set(carrier[is_mining]) == {"plain"}
    assert set(carrier[~is_mining]) == {"tls"}
    assert part.labelled.is_emulated.all()
    assert (part.labelled.observations.saw_start).all()


def test_nothing_before_the_start_and_after_the_end_is_kept(tmp_path: Path) -> None:
    capture = simulate(_scenario(actor_named("monero")), tmp_path, 1, 30.0)
    batches = list(meter_file(capture.file, MeterSettings(n_dissections=0)))
    first_ms = min(int(batch[FIRST_SEEN_MS].min()) for batch in batches)
    last_ms = max(int(batch[LAST_SEEN_MS].max()) for batch in batches)
    assert 20_000 < last_ms - first_ms <= 30_000


def test_an_actor_that_runs_programs_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="redis runs programs or sends datagrams"):
        simulate(_scenario(actor_named("redis")), tmp_path, 1, 10.0)
    assert not list(tmp_path.iterdir())


def test_an_actor_that_fails_ends_the_simulation_with_its_name(tmp_path: Path) -> None:
    def draw(rng: Generator) -> Parameters:
        return {}

    async def fail(site: Site, rng: Generator) -> None:
        raise ZeroDivisionError

    actor = Actor("broken", "broken", draw, fail, fail, ports=(1,))
    with pytest.raises(LabError, match=r"few/broken-1 failed: ZeroDivisionError"):
        simulate(_scenario(actor), tmp_path, 1, 10.0)
    assert not list(tmp_path.iterdir())


def test_a_capture_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    simulate(_scenario(actor_named("monero")), tmp_path, 1, 5.0)
    with pytest.raises(LabError, match="exists already"):
        simulate(_scenario(actor_named("monero")), tmp_path, 1, 5.0)


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    arguments = ["simulate", "demo", "-o", str(tmp_path), "--duration", "20", "--seed", "4"]
    result = CliRunner().invoke(lab, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "demo.pcap.zst" in result.output
    assert "4 of them pools" in result.output
    assert "flowml lab simulate demo --seed 4 --duration 20" in (tmp_path / "manifest.toml").read_text()
