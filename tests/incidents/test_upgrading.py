import sqlite3
from pathlib import Path

import pytest

from flowml.detections.sentence import Sentence
from flowml.incidents.asking import IncidentFilter
from flowml.incidents.campaigns import findings
from flowml.incidents.database import DATABASE, StoreError
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import HealthState, health
from flowml.sinks.records import to_record
from tests.incidents.seen import seen

OLD = [seen("10.0.0.2"), seen("10.0.0.3"), seen("fd00::2", "2001:db8::7"), seen("fd00::3", "2001:db8::7")]
_FIRST = """DROP TABLE alert;
CREATE TABLE alert (
    identifier TEXT PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incident,
    raised_ms INTEGER NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_incident ON alert (incident, raised_ms DESC);
CREATE INDEX alert_raised ON alert (raised_ms);
DROP TABLE health;
CREATE TABLE health (
    name TEXT PRIMARY KEY, status TEXT NOT NULL, words TEXT NOT NULL, since_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO health VALUES ('selftest', 'bad', 'not seen: kaspa', 1, 2);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the first version of flowml kept incidents."""
    IncidentStore(tmp_path).close()
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.executescript(_FIRST)
    for number, alert in enumerate(OLD, 1):
        key = alert.verdict.key
        peer = f"{key.server_ip}:{key.server_port}"
        server = peer if number == 4 else f"pool.example:{key.server_port}"
        connection.execute(
            "INSERT INTO incident VALUES (?, 'new', ?, '', ?, ?, '', 1, 0.9, ?, ?)",
            (number, key.client_ip, server, peer, alert.verdict.start_ms, alert.verdict.end_ms),
        )
        connection.execute(
            "INSERT INTO alert VALUES (?, ?, ?, ?)",
            (alert.identifier, number, alert.raised_ms, to_record(alert).decode()),
        )
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    return tmp_path


def test_alerts_of_the_first_version_are_all_there(folder: Path) -> None:
    store = IncidentStore(folder)
    for number, alert in enumerate(OLD, 1):
        found = store.incident(number)
        assert found is not None
        assert found.alerts == (alert,)
    assert store.take(OLD).new == 0
    store.close()


def test_ipv6_servers_get_their_brackets_and_names_stay(folder: Path) -> None:
    store = IncidentStore(folder)
    servers = [found.server for found in store.incidents(IncidentFilter(), 10, 0).incidents]
    assert sorted(servers) == ["[2001:db8::7]:3333", *["pool.example:3333"] * 3]
    detail = store.incident(3)
    assert detail is not None
    (sentence,) = findings(store, detail)
    assert sentence.text == "One campaign: fd00::3 mine at [2001:db8::7]:3333 too."
    store.close()


def test_words_of_health_stay_words(folder: Path) -> None:
    store = IncidentStore(folder)
    assert health(store) == [HealthState("selftest", "bad", Sentence("not seen: kaspa"), 1, 2)]
    store.close()


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(folder: Path) -> None:
    connection = sqlite3.connect(folder / DATABASE)
    connection.execute("CREATE TABLE alert_of_version_1 (only INTEGER)")
    before = list(connection.iterdump())
    with pytest.raises(StoreError, match="already"):
        IncidentStore(folder)
    assert list(connection.iterdump()) == before
    connection.close()
