from pathlib import Path

import pytest

from flowml.detections.incident import Change, IncidentState
from flowml.incidents.beginnings import Beginnings
from flowml.incidents.store import IncidentStore
from flowml.sinks.filtered import Filtered
from tests.incidents.seen import START, seen
from tests.incidents.test_authorised import Heard
from tests.verdicts import event


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return IncidentStore(tmp_path)


@pytest.fixture
def beginnings(store: IncidentStore, tmp_path: Path) -> Beginnings:
    return Beginnings(tmp_path, pytest.fail)


def test_the_first_alert_of_a_host_is_told_and_no_later_one(
    store: IncidentStore, beginnings: Beginnings
) -> None:
    heard = Heard()
    sink = Filtered(heard, beginnings.of)
    first, second, other = seen(number=1), seen(number=2), seen("10.0.0.3")
    sink.emit([first, second, other])
    sink.emit([seen(number=3)])  # nothing is stored yet: the database is locked, say
    store.take([first, second, other])
    sink.emit([seen(number=4)])
    sink.report(event())
    assert heard.said == [first, other, event()]


@pytest.mark.parametrize("is_stored", [False, True])
def test_what_is_handed_out_again_is_told_again(
    store: IncidentStore, beginnings: Beginnings, tmp_path: Path, is_stored: bool
) -> None:
    batch = [seen(number=1), seen(number=2)]
    assert beginnings.of(batch) == batch[:1]
    if is_stored:
        store.take(batch)
    assert beginnings.of(batch) == batch[:1]
    assert Beginnings(tmp_path, pytest.fail).of(batch) == batch[:1]  # the next start


def test_after_it_was_closed_mining_is_told_anew(store: IncidentStore, beginnings: Beginnings) -> None:
    store.take([seen(number=1)])
    assert beginnings.of([seen(number=2)]) == []
    store.change([1], Change(IncidentState.CLOSED), "mika", START)
    assert beginnings.of([seen(number=3), seen(number=4)]) == [seen(number=3)]


def test_a_false_alarm_is_told_again_for_another_server_alone(
    store: IncidentStore, beginnings: Beginnings
) -> None:
    store.take([seen(number=1)])
    store.change([1], Change(IncidentState.FALSE_ALARM), "mika", START)
    assert beginnings.of([seen(number=2)]) == []
    assert beginnings.of([seen(number=3, server="203.0.113.5")]) != []


def test_incidents_that_cannot_be_read_are_told_alert_by_alert(store: IncidentStore, tmp_path: Path) -> None:
    told = list[str]()
    beginnings = Beginnings(tmp_path, told.append)
    store.database._connection.execute("DROP TABLE alert")
    assert beginnings.of([seen(number=1), seen(number=2)]) == [seen(number=1), seen(number=2)]
    assert "instead of once per incident" in told[0]
