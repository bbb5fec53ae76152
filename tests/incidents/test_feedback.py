from pathlib import Path

import numpy as np
import pytest

from flowml.datasets.feedback import read_feedback, write_feedback
from flowml.detections.incident import Change, IncidentState
from flowml.errors import DataError
from flowml.features.evidence import shows_enough
from flowml.incidents.feedback import feedback
from flowml.incidents.store import IncidentStore
from tests.incidents.seen import START, mined, seen

NOW = START + 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    store = IncidentStore(tmp_path)
    store.take([mined(seen("10.0.0.2")), mined(seen("10.0.0.2", number=2)), mined(seen("10.0.0.3"))])
    store.take([mined(seen("10.0.0.4"))])
    return store


def judged(store: IncidentStore) -> IncidentStore:
    store.change([1], Change(IncidentState.CONFIRMED, note="found the process"), "mika", NOW)
    store.change([2], Change(IncidentState.FALSE_ALARM, note="our telemetry"), "sato", NOW + 1)
    return store


def test_what_was_decided_becomes_labels_with_who_when_and_why(store: IncidentStore) -> None:
    said = feedback(judged(store))
    assert [(one.incident, one.is_mining, one.who, one.when_ms, one.why) for one in said] == [
        (1, True, "mika", NOW, "found the process"),
        (1, True, "mika", NOW, "found the process"),
        (2, False, "sato", NOW + 1, "our telemetry"),
    ]


def test_what_is_open_again_has_no_label(store: IncidentStore) -> None:
    judged(store).change([1], Change(IncidentState.ACKNOWLEDGED), "mika", NOW + 2)
    assert [one.incident for one in feedback(store)] == [2]


def test_observations_come_back_with_an_origin_for_each_incident(
    store: IncidentStore, tmp_path: Path
) -> None:
    write_feedback(tmp_path / "said", feedback(judged(store)))
    labelled = read_feedback(tmp_path / "said")
    assert labelled.is_mining.tolist() == [True, True, False]
    assert labelled.origin.tolist() == ["feedback/incident 1"] * 2 + ["feedback/incident 2"]
    assert labelled.observations.packets.counts.tolist() == [40] * 3
    assert labelled.observations.packets.time_ms[:3].tolist() == [START, START + 50, START + 10_000]
    assert labelled.observations.key(2).client_ip == "10.0.0.3"
    assert shows_enough(labelled.observations).all()
    assert len(np.unique(labelled.connection)) == 3


def test_names_from_packets_come_back_whatever_they_are(tmp_path: Path) -> None:
    store = IncidentStore(tmp_path)
    store.take([mined(seen(server_name="\udcff<b>\x00é", application_name="\x1b[2J"))])
    write_feedback(tmp_path / "said", feedback(judged_first(store)))
    assert len(read_feedback(tmp_path / "said")) == 1


def judged_first(store: IncidentStore) -> IncidentStore:
    store.change([1], Change(IncidentState.CONFIRMED), "mika", NOW)
    return store


def test_an_empty_or_missing_or_foreign_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="flowml feedback export"):
        read_feedback(tmp_path)
    write_feedback(tmp_path, [])
    with pytest.raises(DataError, match="holds no connection"):
        read_feedback(tmp_path)
    (tmp_path / "feedback.parquet").write_text("something else")
    with pytest.raises(DataError, match="flowml feedback export"):
        read_feedback(tmp_path)
