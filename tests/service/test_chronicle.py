from pathlib import Path

import pytest

from flowml.detections.incident import Change, IncidentState
from flowml.detections.sentence import Sentence
from flowml.incidents import telemetry
from flowml.incidents.database import DATABASE
from flowml.incidents.retention import Room
from flowml.incidents.settings import IncidentSettings
from flowml.incidents.store import IncidentStore
from flowml.models.bundle import load_bundle
from flowml.service.chronicle import NOVEL, Chronicle
from flowml.service.health import BAD, OK, Finding, Sight
from flowml.service.ledger import Work
from flowml.service.model_watch import ModelWatch
from flowml.service.settings import ModelsSettings
from tests.registry.builders import small_bundle
from tests.verdicts import alert

NOW, HOUR_MS = 1_700_000_000_000, 3_600_000


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> ModelWatch:
    folder = small_bundle(tmp_path_factory.mktemp("chronicle") / "1")
    return ModelWatch(ModelsSettings(), load_bundle(folder), folder, print)


def seen(scored: int = 0, novel: int = 0) -> list[tuple[Sight, Work]]:
    return [(Sight("eth0", packets=7), Work(scored=scored, novel=novel))]


def test_beats_models_and_drift_are_stored(models: ModelWatch, tmp_path: Path) -> None:
    chronicle, store = Chronicle(tmp_path), IncidentStore(tmp_path)
    chronicle.models(models, NOW)
    chronicle.drift({"size": 0.5}, NOW)
    assert chronicle.beat(seen(200, 50), models, NOW) == ""
    assert chronicle.beat(seen(200, 50), models, NOW + HOUR_MS) == ""
    assert [beat.packets for beat in telemetry.beat_sums(store, NOW, 2 * HOUR_MS)] == [14]
    assert telemetry.models_in_use(store)["champion"].digest == models.champion.digest
    figures = {found.name: found.value for found in telemetry.drift(store, NOW)}
    assert figures == {"size": 0.5, "scores": 0.0, NOVEL: 0.25}
    chronicle.close()


def test_what_cannot_be_stored_waits_for_the_next_beat(models: ModelWatch, tmp_path: Path) -> None:
    chronicle = Chronicle(tmp_path)
    (tmp_path / DATABASE).mkdir()
    assert "unable to open" in chronicle.beat(seen(), models, NOW)
    (tmp_path / DATABASE).rmdir()
    assert chronicle.beat(seen(), models, NOW + 10_000) == ""
    assert telemetry.beat_sums(IncidentStore(tmp_path), NOW, HOUR_MS)[0].packets == 14
    chronicle.close()


def test_a_state_begins_when_it_changed(tmp_path: Path) -> None:
    chronicle, store = Chronicle(tmp_path), IncidentStore(tmp_path)
    for at, status in ((1, OK), (2, BAD), (3, BAD)):
        chronicle.health([Finding("clock", status, Sentence("words"))], NOW + at)
    (state,) = telemetry.health(store)
    assert (state.status, state.since_ms, state.updated_ms) == (BAD, NOW + 2, NOW + 3)
    chronicle.close()


def test_old_incidents_go_with_a_beat_and_what_is_used_is_known(models: ModelWatch, tmp_path: Path) -> None:
    chronicle, store = Chronicle(tmp_path, IncidentSettings(keep_days=1)), IncidentStore(tmp_path)
    store.take([alert(start_ms=NOW, end_ms=NOW)])
    store.change([1], Change(IncidentState.CLOSED), "mika", NOW)
    assert chronicle.beat(seen(), models, NOW + 23 * HOUR_MS) == ""
    assert store.count((IncidentState.CLOSED,)) == 1
    assert chronicle.beat(seen(), models, NOW + 25 * HOUR_MS) == ""
    assert store.count((IncidentState.CLOSED,)) == 0
    assert chronicle.room == Room(0, 1024, is_made=False)
    chronicle.close()
