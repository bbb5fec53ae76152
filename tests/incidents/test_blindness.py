from pathlib import Path

import pytest

from flowml.detections.incident import Change, IncidentState
from flowml.incidents.asking import IncidentFilter
from flowml.incidents.blindness import record_blindness
from flowml.incidents.campaigns import findings
from flowml.incidents.store import IncidentStore

NOW = 1_700_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return IncidentStore(tmp_path)


def test_a_check_that_passes_is_no_incident(store: IncidentStore) -> None:
    record_blindness(store, "all 13 families were seen", is_blind=False, now_ms=NOW)
    assert store.incidents(IncidentFilter(), 10, 0).total == 0


def test_a_failure_stays_open_until_somebody_closes_it(store: IncidentStore) -> None:
    record_blindness(store, "not seen: kaspa", is_blind=True, now_ms=NOW)
    record_blindness(store, "not seen: monero", is_blind=True, now_ms=NOW + 1)
    record_blindness(store, "all were seen", is_blind=False, now_ms=NOW + 2)
    detail = store.incident(1)
    assert detail is not None
    assert detail.incident.state is IncidentState.NEW
    assert (detail.incident.first_seen_ms, detail.incident.last_seen_ms) == (NOW, NOW + 1)
    assert [step.after for step in detail.steps] == ["all were seen", "not seen: monero", "not seen: kaspa"]
    assert findings(store, detail) == ()


def test_after_it_was_closed_a_failure_is_a_new_incident(store: IncidentStore) -> None:
    record_blindness(store, "not seen: kaspa", is_blind=True, now_ms=NOW)
    store.change([1], Change(IncidentState.CLOSED), "mika", NOW)
    record_blindness(store, "not seen: kaspa", is_blind=True, now_ms=NOW + 1)
    assert store.incidents(IncidentFilter(IncidentState.NEW), 10, 0).total == 1
    assert store.incidents(IncidentFilter(), 10, 0).total == 2
