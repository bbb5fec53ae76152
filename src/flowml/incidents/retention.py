"""How long incidents are kept: finished ones until they are old, alerts until room is short."""

import sqlite3
from dataclasses import dataclass

from flowml.detections.incident import OPEN, IncidentState
from flowml.incidents.settings import IncidentSettings
from flowml.incidents.store import IncidentStore

AT_ONCE = 1000  # alerts that go in one transaction, a tenth of a second in which nobody else writes
_PAGES_AT_ONCE = 2000
_DAY_MS = 86_400_000
_FINISHED = ", ".join(f"'{state}'" for state in IncidentState if state not in OPEN)
_OLD = (
    f"state IN ({_FINISHED}) AND last_seen_ms < :before "
    "AND NOT EXISTS (SELECT 1 FROM step WHERE step.incident = incident.number AND time_ms >= :before)"
)
_REPLACED = (
    "SELECT number FROM alert AS old WHERE EXISTS "
    "(SELECT 1 FROM alert WHERE incident = old.incident AND raised_ms > old.raised_ms) "
    "ORDER BY raised_ms LIMIT :limit"
)


@dataclass(frozen=True)
class Room:
    """What the database takes.

    Attributes
    ----------
    used_mib, keep_mib : int
        Taken, and granted.
    is_made : bool
        Alerts had to go to make room, and did.
    """

    used_mib: int
    keep_mib: int
    is_made: bool


def forget(store: IncidentStore, settings: IncidentSettings, now_ms: int) -> Room:
    """Remove a little of what is to be kept no longer; called again and again, it removes all of it.

    Open incidents stay, whatever their age. Where room is short, each incident keeps its newest alert, its
    figures and its history.

    Parameters
    ----------
    store : IncidentStore
    settings : IncidentSettings
    now_ms : int
        Epoch, ms.

    Raises
    ------
    StoreError
        The database cannot be written.
    """
    database, keep_bytes = store.database, settings.keep_mib << 20
    before_ms = now_ms - settings.keep_days * _DAY_MS
    with database.reading() as connection:
        is_old = _has_old(connection, before_ms)
    if is_old:
        with database.writing() as connection:
            _forget_old(connection, before_ms)
    is_made = False
    if database.used_bytes() > keep_bytes:
        with database.writing() as connection:
            is_made = _forget_replaced(connection) > 0
    database.give_back(_PAGES_AT_ONCE)
    return Room(database.used_bytes() >> 20, settings.keep_mib, is_made)


def _has_old(connection: sqlite3.Connection, before_ms: int) -> bool:
    found = connection.execute(f"SELECT 1 FROM incident WHERE {_OLD} LIMIT 1", {"before": before_ms})
    return found.fetchone() is not None


def _forget_old(connection: sqlite3.Connection, before_ms: int) -> None:
    """First their alerts, some at a time; when none is left, they themselves."""
    named = {"before": before_ms, "limit": AT_ONCE}
    old = f"SELECT number FROM incident WHERE {_OLD}"
    theirs = f"SELECT number FROM alert WHERE incident IN ({old}) LIMIT :limit"
    gone = connection.execute(f"DELETE FROM alert WHERE number IN ({theirs})", named).rowcount
    if gone < AT_ONCE:
        # steps first: an incident that has none left is old by what was seen alone
        connection.execute(f"DELETE FROM step WHERE incident IN ({old})", named)
        connection.execute(f"DELETE FROM incident WHERE {_OLD}", named)


def _forget_replaced(connection: sqlite3.Connection) -> int:
    """Remove the oldest alerts of which a newer one of the same incident is there."""
    return connection.execute(f"DELETE FROM alert WHERE number IN ({_REPLACED})", {"limit": AT_ONCE}).rowcount
