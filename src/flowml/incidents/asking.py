"""Questions to the incidents' database, and what is answered."""

import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flowml.detections.alert import Alert
from flowml.detections.incident import OPEN, Incident, IncidentState, Step
from flowml.errors import DataError
from flowml.incidents.packing import unpacked
from flowml.sinks.records import from_record
from flowml.sinks.text import encodable

_REMEMBERED = 256  # alerts, some 20 kB each
OPEN_WORDS = ", ".join(f"'{state}'" for state in OPEN)


ROW_COLUMNS = (
    "number", "state", "host", "name", "server", "owner", "hosts_of_server", "alerts", "probability",
    "first_seen", "last_seen",
)  # fmt: skip


@dataclass(frozen=True)
class IncidentFilter:
    """Which incidents; what is empty or None is any.

    Attributes
    ----------
    state : IncidentState or None
    search : str
        Part of host, name, server or owner.
    host : str
        Address.
    since_ms : int or None
        Seen then or later.
    """

    state: IncidentState | None = None
    search: str = ""
    host: str = ""
    since_ms: int | None = None


@dataclass(frozen=True)
class IncidentPage:
    """Some incidents, newest first, and how many there are in all."""

    incidents: tuple[Incident, ...]
    total: int


@dataclass(frozen=True)
class IncidentDetail:
    """All that is known of one incident.

    Attributes
    ----------
    incident : Incident
    alerts : tuple of Alert
        The newest.
    steps : tuple of Step
        Newest first.
    related : tuple of Incident
        Of other hosts with the same server, newest first.
    """

    incident: Incident
    alerts: tuple[Alert, ...]
    steps: tuple[Step, ...]
    related: tuple[Incident, ...]


@dataclass(frozen=True)
class HostSummary:
    """An internal host with incidents."""

    host: str
    name: str
    incidents: int
    open_incidents: int
    alerts: int
    last_seen_ms: int


def incident_page(
    connection: sqlite3.Connection, asked: IncidentFilter, limit: int, offset: int
) -> IncidentPage:
    """Give incidents, newest first."""
    where, values = _conditions(asked)
    shown = f"{where} ORDER BY last_seen_ms DESC, number DESC LIMIT ? OFFSET ?"
    incidents = _incidents(connection, shown, (*values, limit, offset))
    total = connection.execute(f"SELECT COUNT(*) FROM incident {where}", values).fetchone()[0]
    return IncidentPage(incidents, total)


def incident_rows(
    connection: sqlite3.Connection, asked: IncidentFilter, limit: int
) -> list[tuple[str | int, ...]]:
    """Give incidents as `ROW_COLUMNS`, newest first: for files, without an object for each."""
    where, values = _conditions(asked)
    found = connection.execute(
        "WITH server AS MATERIALIZED (SELECT peer, COUNT(DISTINCT host) AS hosts FROM incident GROUP BY "
        "peer) SELECT number, state, host, name, server, owner, hosts, alerts, printf('%.6f', probability), "
        f"{_iso_utc('first_seen_ms')}, {_iso_utc('last_seen_ms')} FROM incident "
        # CROSS: in the order of the index, so that nothing is sorted
        f"CROSS JOIN server USING (peer) {where} ORDER BY last_seen_ms DESC, number DESC LIMIT ?",
        (*values, limit),
    )
    return found.fetchall()


def _iso_utc(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000.0, 'unixepoch')"


def incident_detail(connection: sqlite3.Connection, number: int, alerts: int) -> IncidentDetail | None:
    """Give one incident with its newest alerts; None if there is none of this number."""
    found = _incidents(connection, "WHERE number = ?", (number,))
    if not found:
        return None
    bodies = connection.execute(
        "SELECT body FROM alert WHERE incident = ? ORDER BY raised_ms DESC LIMIT ?", (number, alerts)
    )
    steps = connection.execute(
        "SELECT time_ms, who, what, before, after FROM step WHERE incident = ? ORDER BY number DESC",
        (number,),
    )
    related = _incidents(
        connection,
        "WHERE peer = (SELECT peer FROM incident WHERE number = ?) AND host <> ? "
        "ORDER BY last_seen_ms DESC, number DESC LIMIT 20",
        (number, found[0].host),
    )
    return IncidentDetail(
        found[0],
        tuple(read_alert(body) for (body,) in bodies),
        tuple(Step(*step) for step in steps),
        related,
    )


def host_page(
    connection: sqlite3.Connection, search: str, limit: int, offset: int
) -> tuple[tuple[HostSummary, ...], int]:
    """Give hosts with incidents, seen last first, and how many there are in all."""
    where, values = ("WHERE instr(lower(host || ' ' || name), lower(?))", (search,)) if search else ("", ())
    rows = connection.execute(
        "SELECT host, MAX(name), COUNT(*), "
        f"SUM(state IN ({OPEN_WORDS})), SUM(alerts), MAX(last_seen_ms) seen "
        f"FROM incident {where} GROUP BY host ORDER BY seen DESC, host LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    hosts = tuple(HostSummary(*row) for row in rows)
    total = connection.execute(f"SELECT COUNT(DISTINCT host) FROM incident {where}", values).fetchone()[0]
    return hosts, total


@lru_cache(maxsize=_REMEMBERED)  # what is stored of an alert never changes; an open page asks again and again
def read_alert(body: bytes) -> Alert:
    """Read a stored alert; `DataError` if it is none."""
    said = from_record(unpacked(body))
    if not isinstance(said, Alert):
        raise DataError("an event stands where an alert is expected; the database is damaged")
    return said


def _incidents(connection: sqlite3.Connection, which: str, values: tuple[Any, ...]) -> tuple[Incident, ...]:
    """Give some incidents; the hosts of a server are counted once, however many of them there are."""
    rows = connection.execute(
        f"WITH shown AS MATERIALIZED (SELECT * FROM incident {which}), "
        "server AS MATERIALIZED (SELECT peer, COUNT(DISTINCT host) AS hosts FROM incident "
        "WHERE peer IN (SELECT peer FROM shown) GROUP BY peer) "
        "SELECT number, state, host, name, server, owner, hosts, alerts, probability, first_seen_ms, "
        "last_seen_ms FROM shown JOIN server USING (peer) ORDER BY last_seen_ms DESC, number DESC",
        values,
    )
    return tuple(Incident(row[0], IncidentState(row[1]), *row[2:]) for row in rows)


def _conditions(asked: IncidentFilter) -> tuple[str, tuple[Any, ...]]:
    conditions: list[tuple[str, Any]] = []
    if asked.state is not None:
        conditions.append(("state = ?", asked.state))
    if asked.host:
        conditions.append(("host = ?", encodable(asked.host)))
    if asked.since_ms is not None:
        conditions.append(("last_seen_ms >= ?", asked.since_ms))
    if asked.search:
        text = "host || ' ' || name || ' ' || server || ' ' || owner"
        conditions.append((f"instr(lower({text}), lower(?))", encodable(asked.search)))
    where = " AND ".join(condition for condition, _ in conditions)
    return f"WHERE {where}" if where else "", tuple(value for _, value in conditions)
