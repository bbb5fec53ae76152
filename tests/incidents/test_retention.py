import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from flowml.detections.alert import Alert
from flowml.detections.incident import Change, IncidentState
from flowml.incidents import retention
from flowml.incidents.asking import IncidentFilter
from flowml.incidents.database import DATABASE
from flowml.incidents.retention import Room, forget
from flowml.incidents.settings import IncidentSettings
from flowml.incidents.store import IncidentStore
from tests.incidents.seen import START, mined, seen

DAY_MS = 86_400_000
WEEK = IncidentSettings(keep_days=7)
LATER = START + 8 * DAY_MS


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return IncidentStore(tmp_path)


def hosts(store: IncidentStore) -> set[str]:
    return {found.host for found in store.incidents(IncidentFilter(), 100, 0).incidents}


def alerts_of(store: IncidentStore, number: int) -> tuple[Alert, ...]:
    found = store.incident(number)
    assert found is not None
    return found.alerts


def noisy(number: int) -> Alert:
    """An alert of some hundred bytes that nothing makes shorter."""
    told = mined(seen(number=number), [number * (size + 7) % 1400 + 1 for size in range(128)])
    return replace(told, raised_ms=START + number)


def test_finished_incidents_go_when_they_are_old_and_open_ones_stay(store: IncidentStore) -> None:
    states = list(IncidentState)
    store.take([seen(f"10.0.0.{number}") for number in range(len(states))])
    for number, state in enumerate(states):
        store.change([number + 1], Change(state), "mika", START)
    forget(store, WEEK, LATER)
    left = {found.state for found in store.incidents(IncidentFilter(), 100, 0).incidents}
    assert left == {IncidentState.NEW, IncidentState.ACKNOWLEDGED, IncidentState.CONFIRMED}


def test_what_was_seen_or_changed_lately_is_not_old(store: IncidentStore) -> None:
    store.take([seen("10.0.0.1"), seen("10.0.0.2", end_ms=LATER), seen("10.0.0.3")])
    store.change([1, 2], Change(IncidentState.CLOSED), "mika", START)
    store.change([3], Change(IncidentState.CLOSED), "mika", LATER)
    forget(store, WEEK, LATER)
    assert hosts(store) == {"10.0.0.2", "10.0.0.3"}


def test_nothing_of_an_old_incident_is_left(store: IncidentStore, tmp_path: Path) -> None:
    store.take([seen(number=1), seen(number=2)])
    store.change([1], Change(IncidentState.CLOSED, note="cleaned"), "mika", START)
    forget(store, WEEK, LATER)
    connection = sqlite3.connect(tmp_path / DATABASE)
    for table in ("incident", "alert", "step"):
        assert connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)  # noqa: S608
    connection.close()


def test_many_alerts_go_little_by_little_and_their_incident_last(
    store: IncidentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    store.take(seen(number=number) for number in range(5))
    store.change([1], Change(IncidentState.CLOSED), "mika", START)
    left = []
    for _ in range(3):
        forget(store, WEEK, LATER)
        left.append(len(alerts_of(store, 1)) if hosts(store) else None)
    assert left == [3, 1, None]


def test_where_room_is_short_the_oldest_alerts_go_but_the_newest_of_each_incident(
    store: IncidentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    old = replace(seen("10.0.0.9"), raised_ms=START)
    store.take([old, *map(noisy, range(1, 7))])
    none = replace(WEEK, keep_mib=0)
    assert forget(store, none, START).is_made
    assert alerts_of(store, 1) == (old,)
    assert [alert.raised_ms - START for alert in alerts_of(store, 2)] == [6, 5, 4]
    assert forget(store, none, START).is_made
    assert not forget(store, none, START).is_made
    assert [alert.raised_ms - START for alert in alerts_of(store, 2)] == [6]
    assert store.incidents(IncidentFilter(host="10.0.0.2"), 1, 0).incidents[0].alerts == 6


def test_where_there_is_room_nothing_is_written(store: IncidentStore) -> None:
    store.take([seen()])
    before = store.last_change()
    assert forget(store, WEEK, START) == Room(0, 1024, is_made=False)
    assert store.last_change() == before


def test_the_file_shrinks_with_what_it_holds(store: IncidentStore, tmp_path: Path) -> None:
    store.take(noisy(number) for number in range(2000))
    store.change([1], Change(IncidentState.CLOSED), "mika", START)
    for _ in range(4):
        forget(store, WEEK, LATER)
    store.close()
    assert (tmp_path / DATABASE).stat().st_size < 400_000
