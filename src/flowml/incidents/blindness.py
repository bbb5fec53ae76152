"""A sensor that does not see what it should is an incident of its own, that somebody has to close."""

import sqlite3

from flowml.incidents.asking import OPEN_WORDS
from flowml.incidents.store import IncidentStore, note
from flowml.incidents.telemetry import SELFTEST
from flowml.sinks.text import encodable

SENSOR = "sensor"
"""Stands where the internal host of other incidents does."""


def record_blindness(store: IncidentStore, words: str, *, is_blind: bool, now_ms: int) -> None:
    """Keep what a blindness check found.

    A check that fails opens an incident, or is noted in the one that is still open; one that passes is noted
    there, and closes nothing: whoever looks into it does.

    Parameters
    ----------
    store : IncidentStore
    words : str
        What was found.
    is_blind : bool
        Something was not seen.
    now_ms : int
        Epoch, ms.
    """
    with store.database.writing() as connection:
        number = _open_one(connection)
        if number is None:
            if not is_blind:
                return
            number = connection.execute(
                "INSERT INTO incident (state, host, name, server, peer, owner, alerts, probability, "
                "first_seen_ms, last_seen_ms) VALUES ('new', ?, '', ?, ?, '', 0, 0, ?, ?)",
                (SENSOR, f"flowml {SELFTEST}", SELFTEST, now_ms, now_ms),
            ).lastrowid
        elif is_blind:
            connection.execute("UPDATE incident SET last_seen_ms = ? WHERE number = ?", (now_ms, number))
        note(connection, number or 0, (now_ms, SELFTEST), ("note", "", encodable(words)))


def _open_one(connection: sqlite3.Connection) -> int | None:
    row = connection.execute(
        f"SELECT number FROM incident WHERE host = ? AND state IN ({OPEN_WORDS}) ORDER BY number DESC",
        (SENSOR,),
    ).fetchone()
    return None if row is None else int(row[0])
