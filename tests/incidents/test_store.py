import os
import pwd
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowml.detections.alert import Alert, Evidence
from flowml.detections.incident import Change, IncidentState
from flowml.flows.key import FlowKey
from flowml.incidents.asking import IncidentFilter
from flowml.incidents.database import DATABASE, StoreError
from flowml.incidents.store import IncidentStore, Taken
from tests.verdicts import alert

NOW = 1_700_000_100_000
ALL = IncidentFilter()


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return IncidentStore(tmp_path)


def seen(host: str = "10.0.0.2", number: int = 1, server: str = "198.51.100.7", **changes: Any) -> Alert:
    return alert("words", key=FlowKey(host, 40_000 + number, server, 3333), **changes)


def test_alerts_of_one_host_are_one_incident(store: IncidentStore) -> None:
    assert store.take([seen(number=1), seen(number=2, probability=0.999), seen("10.0.0.3")]) == Taken(3, 2)
    found = store.incidents(ALL, 10, 0)
    assert found.total == 2
    assert {(it.host, it.alerts, it.probability) for it in found.incidents} == {
        ("10.0.0.2", 2, 0.999),
        ("10.0.0.3", 1, 0.9876543),
    }


def test_an_alert_that_comes_again_changes_nothing(store: IncidentStore) -> None:
    store.take([seen()])
    before = store.incidents(ALL, 10, 0)
    assert store.take([seen(), seen(end_ms=NOW)]) == Taken(0, 0)
    assert store.incidents(ALL, 10, 0) == before


def test_what_is_stored_comes_back_as_it_was(store: IncidentStore) -> None:
    told = replace(seen(), evidence=Evidence(((0.0, 186), (0.05, -64))))
    store.take([told])
    found = store.incident(1)
    assert found is not None
    assert found.alerts == (told,)


def test_names_without_end_are_cut(store: IncidentStore) -> None:
    store.take([seen(server_name="<b>" * 30_000, application_name="x" * 65_536)])
    found = store.incident(1)
    assert found is not None
    assert len(found.alerts[0].verdict.server_name) == 255
    assert len(found.incident.server) < 300


def test_another_process_sees_it_at_once(store: IncidentStore, tmp_path: Path) -> None:
    other = IncidentStore(tmp_path)
    before = other.last_change()
    store.take([seen()])
    assert other.last_change() > before
    assert other.incidents(ALL, 10, 0).total == 1


def test_a_change_is_written_down_with_who_and_what(store: IncidentStore) -> None:
    store.take([seen()])
    change = Change(IncidentState.ACKNOWLEDGED, "mika", "looking")
    assert store.change([1], change, "mika", NOW) == 1
    assert store.change([1], replace(change, note=None), "mika", NOW) == 0
    found = store.incident(1)
    assert found is not None
    assert found.incident.state is IncidentState.ACKNOWLEDGED
    assert [(step.who, step.what, step.before, step.after) for step in found.steps] == [
        ("mika", "note", "", "looking"),
        ("mika", "owner", "", "mika"),
        ("mika", "state", "new", "acknowledged"),
    ]


def test_all_of_a_change_or_nothing(store: IncidentStore) -> None:
    store.take([seen()])
    with pytest.raises(LookupError, match="no incident 7"):
        store.change([1, 7], Change(IncidentState.CLOSED), "mika", NOW)
    assert store.incidents(IncidentFilter(IncidentState.NEW), 10, 0).total == 1


def test_after_it_was_closed_mining_is_a_new_incident(store: IncidentStore) -> None:
    store.take([seen()])
    store.change([1], Change(IncidentState.CLOSED), "mika", NOW)
    assert store.take([seen(number=2)]) == Taken(1, 1)
    assert store.count((IncidentState.NEW,)) == 1


def test_a_false_alarm_takes_more_of_the_same_server_but_of_no_other(store: IncidentStore) -> None:
    store.take([seen()])
    store.change([1], Change(IncidentState.FALSE_ALARM), "mika", NOW)
    assert store.take([seen(number=2)]) == Taken(1, 0)
    assert store.take([seen(number=3, server="203.0.113.5")]) == Taken(1, 1)


def test_hosts_of_one_server_know_of_each_other(store: IncidentStore) -> None:
    store.take([seen("10.0.0.2"), seen("10.0.0.3"), seen("10.0.0.4", server="203.0.113.5")])
    found = store.incident(1)
    assert found is not None
    assert found.incident.hosts_of_server == 2
    assert [other.host for other in found.related] == ["10.0.0.3"]


def test_authorised_mining_is_counted_and_authorised_until_its_end(store: IncidentStore) -> None:
    policy = store.add_policy("10.0.0.5/16", "research", "sato", NOW)
    assert policy.network == "10.0.0.0/16"
    store.take([seen(), seen("10.1.0.2")])
    assert {it.host: it.state for it in store.incidents(ALL, 10, 0).incidents} == {
        "10.0.0.2": IncidentState.AUTHORISED,
        "10.1.0.2": IncidentState.NEW,
    }
    assert store.policies()[0].suppressed == 1
    store.end_policy(policy.number, NOW - 1_000_000)
    assert store.take([seen(number=2)]) == Taken(1, 1)
    assert store.count((IncidentState.NEW,)) == 2


def test_search_finds_in_host_server_and_owner(store: IncidentStore) -> None:
    store.take([seen("10.0.0.2", server_name="One.example"), seen("10.0.0.3", server_name="two%_'.example")])
    store.change([2], Change(owner="Mika"), "mika", NOW)
    for text, hosts in (
        ("one.", {"10.0.0.2"}),
        ("%_'", {"10.0.0.3"}),
        ("mika", {"10.0.0.3"}),
        ("%", {"10.0.0.3"}),
    ):
        assert {it.host for it in store.incidents(IncidentFilter(search=text), 10, 0).incidents} == hosts


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_root_asks_for_first_belongs_to_whom_the_folder_belongs_to(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(tmp_path, nobody.pw_uid, nobody.pw_gid)
    store = IncidentStore(tmp_path)
    store.take([seen()])
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in tmp_path.iterdir()}
    assert owners.keys() >= {DATABASE, f"{DATABASE}-wal"}
    assert set(owners.values()) == {(nobody.pw_uid, nobody.pw_gid)}
    store.close()


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_text("something else entirely, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="not a database"):
        IncidentStore(tmp_path)


def test_a_file_of_a_later_flowml_is_left_alone(tmp_path: Path) -> None:
    IncidentStore(tmp_path).close()
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="a later flowml made it"):
        IncidentStore(tmp_path)


def test_a_database_that_stays_locked_is_one_line_and_works_again_afterwards(tmp_path: Path) -> None:
    store = IncidentStore(tmp_path, busy_s=0.05)
    other = IncidentStore(tmp_path)
    with other.database.writing(), pytest.raises(StoreError, match="locked"):
        store.take([seen()])
    assert store.take([seen()]) == Taken(1, 1)


def test_an_ipv6_server_without_a_name_stands_in_brackets(store: IncidentStore) -> None:
    store.take([seen("fd00::2", server="2001:db8::7", server_name="")])
    assert store.incidents(ALL, 1, 0).incidents[0].server == "[2001:db8::7]:3333"
