from pathlib import Path

import pytest

from flowml.detections.sentence import say
from flowml.incidents import telemetry
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import KEPT_MS, Beat, BeatSum, Disagreement, Drift, HealthState, ModelInUse

NOW = 1_700_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return IncidentStore(tmp_path)


def test_beats_are_kept_for_a_month(store: IncidentStore) -> None:
    old, new = (Beat(at, "eth0", 1, 2, 3, 4, 5, 6) for at in (NOW - KEPT_MS - 1, NOW))
    telemetry.record_beat(store, old)
    assert telemetry.last_beat_ms(store) == old.time_ms
    telemetry.record_beat(store, new)
    assert telemetry.beat_sums(store, 0, NOW + 1) == [BeatSum(0, 1, 2, 3, 4, 6)]


def test_beats_are_added_up_by_spans_over_all_sources(store: IncidentStore) -> None:
    assert telemetry.last_beat_ms(store) is None
    for at, source in (
        (NOW - 1, "eth0"),
        (NOW, "eth0"),
        (NOW, "eth1"),
        (NOW + 9, "eth0"),
        (NOW + 20, "eth0"),
    ):
        telemetry.record_beat(store, Beat(at, source, 1, 2, 3, 4, 5, 6))
    assert telemetry.beat_sums(store, NOW, 10) == [BeatSum(0, 3, 6, 9, 12, 18), BeatSum(2, 1, 2, 3, 4, 6)]


def test_health_is_what_was_said_last(store: IncidentStore) -> None:
    said = say({"lost": "{lost_ratio} of {of}"}, "lost", lost_ratio=0.25, of="all")
    first, second = (HealthState(name, "bad", said, 1, 2) for name in ("a", "b"))
    telemetry.record_health(store, [first])
    telemetry.record_health(store, [second])
    assert telemetry.health(store) == [second]


def test_a_role_has_one_model(store: IncidentStore) -> None:
    for name in ("flowml 1", "flowml 2"):
        telemetry.record_model(store, ModelInUse("champion", name, "abc", "# card", NOW))
    assert telemetry.models_in_use(store)["champion"].name == "flowml 2"


def test_drift_shows_the_newest_figure_of_each_name(store: IncidentStore) -> None:
    telemetry.record_drift(
        store, [Drift(NOW, "score", 0.1), Drift(NOW + 1, "score", 0.3), Drift(NOW, "size", 0.2)]
    )
    assert telemetry.drift(store, NOW) == [Drift(NOW + 1, "score", 0.3), Drift(NOW, "size", 0.2)]


def test_disagreements_come_newest_first(store: IncidentStore) -> None:
    found = [Disagreement(NOW + number, "10.0.0.2:1", 0.9, 0.1) for number in range(3)]
    for one in found:
        telemetry.record_disagreement(store, one)
    assert telemetry.disagreements(store, NOW + 1) == found[:0:-1]


def test_the_audit_log_keeps_everything_in_order(store: IncidentStore) -> None:
    for number in range(3):
        telemetry.audit(store, "mika", "login", f"\udcff{number}", NOW)
    entries, total = telemetry.audit_log(store, 2, 0)
    assert total == 3
    assert [entry.target for entry in entries] == ["\\udcff2", "\\udcff1"]
