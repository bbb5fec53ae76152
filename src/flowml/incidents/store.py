"""Incidents: alerts come in, people change what becomes of them, both may ask."""

import ipaddress
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from flowml.detections.alert import Alert
from flowml.detections.incident import Change, IncidentState, Policy
from flowml.incidents.asking import (
    HostSummary,
    IncidentDetail,
    IncidentFilter,
    IncidentPage,
    host_page,
    incident_detail,
    incident_page,
    incident_rows,
)
from flowml.incidents.database import DATABASE, Database
from flowml.incidents.policies import stored_policies
from flowml.incidents.taking import take_alert
from flowml.sinks.text import encodable

BUSY_S = 5.0


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
                begun += take_alert(connection, alert, names.get(alert.verdict.key.client_ip, ""))
        return Taken(new, begun)

    def incidents(self, asked: IncidentFilter, limit: int, offset: int) -> IncidentPage:
        """Give incidents, newest first."""
        with self.database.reading() as connection:
            return incident_page(connection, asked, limit, offset)

    def rows(self, asked: IncidentFilter, limit: int) -> list[tuple[str | int, ...]]:
        """Give incidents as rows for a file, newest first; see `incident_rows`."""
        with self.database.reading() as connection:
            return incident_rows(connection, asked, limit)

    def incident(self, number: int, alerts: int = 100) -> IncidentDetail | None:
        """Give one incident with its newest alerts; None if there is none of this number."""
        with self.database.reading() as connection:
            return incident_detail(connection, number, alerts)

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
        with self.database.reading() as connection:
            return host_page(connection, search, limit, offset)

    def policies(self) -> tuple[Policy, ...]:
        """Give all policies, newest first."""
        with self.database.reading() as connection:
            return stored_policies(connection)

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
            for policy in stored_policies(connection):
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


def _change(
    connection: sqlite3.Connection, number: int, before: Sequence[str], change: Change, by: tuple[int, str]
) -> bool:
    """Change one incident and write down who did it; whether anything is different now."""
    changed = False
    for what, was, wanted in (("state", before[0], change.state), ("owner", before[1], change.owner)):
        if wanted is not None and encodable(wanted) != was:
            text = encodable(wanted)
            connection.execute(f"UPDATE incident SET {what} = ? WHERE number = ?", (text, number))
            note(connection, number, by, (what, was, text))
            changed = True
    if change.note:
        note(connection, number, by, ("note", "", encodable(change.note)))
        changed = True
    return changed


def note(
    connection: sqlite3.Connection, number: int, by: tuple[int, str], what: tuple[str, str, str]
) -> None:
    """Write down a step of an incident: when (epoch, ms) and by whom; what, before and after."""
    connection.execute(
        "INSERT INTO step (incident, time_ms, who, what, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        (number, *by, *what),
    )
