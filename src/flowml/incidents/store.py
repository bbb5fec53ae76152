"""Incidents: alerts come in, people change what becomes of them, both may ask."""

import ipaddress
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flowml.detections.alert import Alert
from flowml.detections.incident import (
    OPEN,
    Change,
    Incident,
    IncidentState,
    Policy,
    Step,
    server_of,
)
from flowml.errors import DataError
from flowml.incidents.database import DATABASE, Database
from flowml.incidents.policies import authorising
from flowml.sinks.records import from_record, to_record
from flowml.sinks.text import encodable

BUSY_S = 5.0
_OPEN_WORDS = ", ".join(f"'{state}'" for state in OPEN)
_COLUMNS = """number, state, host, name, server, owner,
    (SELECT COUNT(DISTINCT other.host) FROM incident other WHERE other.peer = incident.peer),
    alerts, probability, first_seen_ms, last_seen_ms"""


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


@dataclass(frozen=True)
class Taken:
    """What became of alerts.

    Attributes
    ----------
    new : int
        Alerts that were not known before.
    incidents : int
        Incidents that began with them.
    """

    new: int
    incidents: int


class IncidentStore:
    """The incidents of a state folder.

    Parameters
    ----------
    folder : Path
        State folder.
    busy_s : float
        How long to wait for another process that writes, seconds.

    Raises
    ------
    StoreError
        From every method: the file cannot be used, in one line.
    """

    def __init__(self, folder: Path, *, busy_s: float = BUSY_S) -> None:
        self.database = Database(folder / DATABASE, busy_s)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def take(self, alerts: Iterable[Alert], names: Mapping[str, str] = MappingProxyType({})) -> Taken:
        """Store alerts, each in the incident of its host. An alert that is known changes nothing.

        `names` are those of hosts, by address; a host that has none keeps the one it had.
        """
        new = begun = 0
        with self.database.writing() as connection:
            for alert in alerts:
                if connection.execute(
                    "SELECT 1 FROM alert WHERE identifier = ?", (alert.identifier,)
                ).fetchone():
                    continue
                new += 1
                begun += _take(connection, alert, names.get(alert.verdict.key.client_ip, ""))
        return Taken(new, begun)

    def incidents(self, asked: IncidentFilter, limit: int, offset: int) -> IncidentPage:
        """Give incidents, newest first."""
        where, values = _conditions(asked)
        with self.database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM incident {where} ORDER BY last_seen_ms DESC, number DESC "
                "LIMIT ? OFFSET ?",
                (*values, limit, offset),
            ).fetchall()
            total = connection.execute(f"SELECT COUNT(*) FROM incident {where}", values).fetchone()[0]
        return IncidentPage(tuple(map(_incident, rows)), total)

    def incident(self, number: int, alerts: int = 100) -> IncidentDetail | None:
        """Give one incident with its newest alerts; None if there is none of this number."""
        with self.database.reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS}, peer FROM incident WHERE number = ?", (number,)
            ).fetchone()
            if row is None:
                return None
            bodies = connection.execute(
                "SELECT body FROM alert WHERE incident = ? ORDER BY raised_ms DESC LIMIT ?", (number, alerts)
            ).fetchall()
            steps = connection.execute(
                "SELECT time_ms, who, what, before, after FROM step WHERE incident = ? ORDER BY number DESC",
                (number,),
            ).fetchall()
            related = connection.execute(
                f"SELECT {_COLUMNS} FROM incident WHERE peer = ? AND host <> ? "
                "ORDER BY last_seen_ms DESC LIMIT 20",
                (row[-1], row[2]),
            ).fetchall()
        return IncidentDetail(
            _incident(row[:-1]),
            tuple(read_alert(body) for (body,) in bodies),
            tuple(Step(*step) for step in steps),
            tuple(map(_incident, related)),
        )

    def change(self, numbers: Sequence[int], change: Change, who: str, now_ms: int) -> int:
        """Change some incidents, all or none; give how many really changed.

        Raises
        ------
        LookupError
            There is none of a number: nothing was changed.
        """
        changed = 0
        with self.database.writing() as connection:
            for number in dict.fromkeys(numbers):
                row = connection.execute(
                    "SELECT state, owner FROM incident WHERE number = ?", (number,)
                ).fetchone()
                if row is None:
                    raise LookupError(f"no incident {number}")
                changed += _change(connection, number, row, change, (now_ms, who))
        return changed

    def hosts(self, search: str, limit: int, offset: int) -> tuple[tuple[HostSummary, ...], int]:
        """Give hosts with incidents, seen last first, and how many there are in all."""
        where, values = (
            ("WHERE instr(lower(host || ' ' || name), lower(?))", (search,)) if search else ("", ())
        )
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT host, MAX(name), COUNT(*), "
                f"SUM(state IN ({_OPEN_WORDS})), SUM(alerts), MAX(last_seen_ms) seen "
                f"FROM incident {where} GROUP BY host ORDER BY seen DESC, host LIMIT ? OFFSET ?",
                (*values, limit, offset),
            ).fetchall()
            total = connection.execute(
                f"SELECT COUNT(DISTINCT host) FROM incident {where}", values
            ).fetchone()[0]
        return tuple(HostSummary(*row) for row in rows), total

    def policies(self) -> tuple[Policy, ...]:
        """Give all policies, newest first."""
        with self.database.reading() as connection:
            return _policies(connection)

    def add_policy(self, network: str, reason: str, owner: str, until_ms: int) -> Policy:
        """Authorise the mining of a network.

        Raises
        ------
        ValueError
            It is no network.
        """
        checked = str(ipaddress.ip_network(network, strict=False))
        with self.database.writing() as connection:
            number = connection.execute(
                "INSERT INTO policy (network, reason, owner, until_ms) VALUES (?, ?, ?, ?)",
                (checked, encodable(reason), encodable(owner), until_ms),
            ).lastrowid
        return Policy(number or 0, checked, encodable(reason), encodable(owner), until_ms, 0)

    def end_policy(self, number: int, now_ms: int) -> Policy:
        """End a policy now; `LookupError` if there is none of this number."""
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE policy SET until_ms = MIN(until_ms, ?) WHERE number = ?", (now_ms, number)
            )
            for policy in _policies(connection):
                if policy.number == number:
                    return policy
            raise LookupError(f"no policy {number}")

    def count(self, states: Sequence[IncidentState]) -> int:
        """Count incidents in some states."""
        marks = ", ".join("?" * len(states))
        with self.database.reading() as connection:
            return int(
                connection.execute(
                    f"SELECT COUNT(*) FROM incident WHERE state IN ({marks})", states
                ).fetchone()[0]
            )

    def alerts_since(self, since_ms: int) -> int:
        """Count alerts that were raised then or later."""
        with self.database.reading() as connection:
            return int(
                connection.execute("SELECT COUNT(*) FROM alert WHERE raised_ms >= ?", (since_ms,)).fetchone()[
                    0
                ]
            )

    def last_change(self) -> int:
        """Give the number of the last change that any process has stored."""
        with self.database.reading() as connection:
            return int(connection.execute("SELECT sequence FROM change").fetchone()[0])


def _incident(row: Sequence[Any]) -> Incident:
    return Incident(row[0], IncidentState(row[1]), *row[2:])


def read_alert(body: str) -> Alert:
    """Read a stored alert; `DataError` if it is none."""
    said = from_record(body.encode())
    if not isinstance(said, Alert):
        raise DataError("an event stands where an alert is expected; the database is damaged")
    return said


def _policies(connection: sqlite3.Connection) -> tuple[Policy, ...]:
    rows = connection.execute(
        "SELECT number, network, reason, owner, until_ms, suppressed FROM policy ORDER BY number DESC"
    )
    return tuple(Policy(*row) for row in rows)


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


def _take(connection: sqlite3.Connection, alert: Alert, name: str) -> bool:
    """Store one new alert; whether an incident began with it."""
    verdict, server = alert.verdict, encodable(server_of(alert))
    host, peer = verdict.key.client_ip, f"{verdict.key.server_ip}:{verdict.key.server_port}"
    policy = authorising(_policies(connection), host, alert.raised_ms)
    number = _fitting(connection, host, peer, policy is not None)
    begun = number is None
    if number is None:
        state = IncidentState.NEW if policy is None else IncidentState.AUTHORISED
        number = connection.execute(
            "INSERT INTO incident (state, host, name, server, peer, owner, alerts, probability, "
            "first_seen_ms, last_seen_ms) VALUES (?, ?, '', ?, ?, ?, 0, 0, ?, ?)",
            (
                state,
                host,
                server,
                peer,
                "" if policy is None else policy.owner,
                verdict.start_ms,
                verdict.end_ms,
            ),
        ).lastrowid
    if policy is not None:
        connection.execute("UPDATE policy SET suppressed = suppressed + 1 WHERE number = ?", (policy.number,))
    connection.execute(
        "UPDATE incident SET alerts = alerts + 1, probability = MAX(probability, ?), server = ?, peer = ?, "
        "first_seen_ms = MIN(first_seen_ms, ?), last_seen_ms = MAX(last_seen_ms, ?), "
        "name = COALESCE(NULLIF(?, ''), name) WHERE number = ?",
        (verdict.probability, server, peer, verdict.start_ms, verdict.end_ms, encodable(name), number),
    )
    connection.execute(
        "INSERT INTO alert VALUES (?, ?, ?, ?)",
        (alert.identifier, number, alert.raised_ms, to_record(_bounded(alert)).decode()),
    )
    return begun


def _bounded(alert: Alert) -> Alert:
    """No name from a packet takes more room than a name needs."""
    verdict = alert.verdict
    words = tuple(sentence[:1000] for sentence in alert.explanation[:20])
    named = replace(
        verdict, server_name=verdict.server_name[:255], application_name=verdict.application_name[:64]
    )
    evidence = replace(
        alert.evidence,
        strip=alert.evidence.strip[-128:],
        resembles=alert.evidence.resembles[:64],
        opened_before=tuple(name[:255] for name in alert.evidence.opened_before[:5]),
    )
    return replace(alert, verdict=named, explanation=words, evidence=evidence)


def _fitting(connection: sqlite3.Connection, host: str, peer: str, is_authorised: bool) -> int | None:
    """The incident that an alert belongs to.

    An open one of the host; while mining is authorised, one that says so; or a false alarm about the very
    same server, which somebody has looked at already.
    """
    states = ", ".join([f"'{IncidentState.AUTHORISED}'"] if is_authorised else [_OPEN_WORDS])
    row = connection.execute(
        "SELECT number FROM incident "
        f"WHERE host = ? AND (state IN ({states}) OR state = 'false_alarm' AND peer = ?) "
        "ORDER BY last_seen_ms DESC, number DESC LIMIT 1",
        (host, peer),
    ).fetchone()
    return None if row is None else int(row[0])


def _change(
    connection: sqlite3.Connection, number: int, before: Sequence[str], change: Change, by: tuple[int, str]
) -> bool:
    """Change one incident and write down who did it; whether anything is different now."""
    changed = False
    for what, was, wanted in (("state", before[0], change.state), ("owner", before[1], change.owner)):
        if wanted is not None and encodable(wanted) != was:
            text = encodable(wanted)
            connection.execute(f"UPDATE incident SET {what} = ? WHERE number = ?", (text, number))
            _note(connection, number, by, (what, was, text))
            changed = True
    if change.note:
        _note(connection, number, by, ("note", "", encodable(change.note)))
        changed = True
    return changed


def _note(
    connection: sqlite3.Connection, number: int, by: tuple[int, str], what: tuple[str, str, str]
) -> None:
    connection.execute(
        "INSERT INTO step (incident, time_ms, who, what, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        (number, *by, *what),
    )
