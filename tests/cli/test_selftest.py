import json
from pathlib import Path

import pytest

from flowml.cli.main import run
from flowml.cli.mining_test import families
from flowml.incidents import telemetry
from flowml.incidents.asking import IncidentFilter
from flowml.incidents.store import IncidentStore

FAMILIES = {cast.actor.family for cast in families().casts}


def test_each_family_mines_without_permission_and_is_seen_or_told_with_its_score(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = run(["selftest", "--in-process", "--duration", "120", "--json"])
    results = json.loads(capsys.readouterr().out)
    assert {result["family"] for result in results} == FAMILIES
    assert code == (0 if all(result["seen"] for result in results) else 1)
    seen = [result for result in results if result["seen"]]
    assert "monero" in {result["family"] for result in seen}
    assert all(result["connections"] and 0 < result["after_s"] <= 125 for result in seen)
    assert all(0 < result["probability"] <= 1 for result in results)


def test_a_check_that_fails_raises_an_incident_of_its_own_and_one_only(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text() + "[models]\nthreshold = 1.0\n")  # blind: nothing is that probable
    daily = ["selftest", "--in-process", "--duration", "30", "--record", "--config", str(config)]
    assert [run(daily), run(daily)] == [1, 1]
    assert capsys.readouterr().out.count(" NOT SEEN, probability ") == 2 * len(FAMILIES)
    store = IncidentStore(tmp_path / "state")
    (incident,) = store.incidents(IncidentFilter(), 10, 0).incidents
    assert (incident.state, incident.host, incident.server) == ("new", "sensor", "flowml selftest")
    detail = store.incident(incident.number)
    assert detail is not None
    assert len(detail.steps) == 2
    assert all(family in detail.steps[0].after for family in FAMILIES)
    assert [(state.name, state.status) for state in telemetry.health(store)] == [("selftest", "bad")]
    store.close()


def test_what_the_model_is_known_to_miss_is_told_and_no_failure(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text() + "[models]\nthreshold = 1.0\n")
    known = [word for family in FAMILIES for word in ("--known-missed", family)]
    options = ["--in-process", "--duration", "30", "--record", "--config", str(config)]
    assert run(["selftest", *options, *known]) == 0
    assert "NOT SEEN" in capsys.readouterr().out
    store = IncidentStore(tmp_path / "state")
    (state,) = telemetry.health(store)
    assert (state.status, state.said.key) == ("ok", "checked.selftest_known")
    assert store.incidents(IncidentFilter(), 1, 0).total == 0
    store.close()


def test_a_family_that_there_is_not_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["selftest", "--known-missed", "monera"]) == 2
    assert "no family 'monera'; known are alephium, " in capsys.readouterr().err


def test_what_is_recorded_needs_a_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["selftest", "--record"]) == 2
    assert "--record needs --config" in capsys.readouterr().err
