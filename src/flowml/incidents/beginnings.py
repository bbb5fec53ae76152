"""Once per incident: of the alerts of one incident, some destinations want the first alone."""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from flowml.detections.alert import Alert
from flowml.incidents.database import StoreError
from flowml.incidents.store import IncidentStore
from flowml.incidents.taking import fitting_incident

_BUSY_S = 0.5  # reading waits for nobody in WAL mode, but for a moment while the file is recovered
_WAITING = 10_000  # hosts whose first alert is not stored yet: the database may be locked for long


class Beginnings:
    """Says which alerts begin an incident, before or after they are stored.

    Parameters
    ----------
    folder : Path
        State folder.
    tell : callable
        Told when incidents cannot be read: then every alert counts as a beginning, one too many being better
        than one too few.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._store = IncidentStore(folder, busy_s=_BUSY_S)
        self._tell = tell
        self._waiting: OrderedDict[str, str] = OrderedDict()  # identifiers of first alerts, by host

    def of(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Give the alerts that begin an incident; asked again about the same ones, it says the same."""
        try:
            with self._store.database.reading() as connection:
                return [alert for alert in alerts if self._begins(connection, alert)]
        except StoreError as error:
            self._tell(f"alerts are told one by one instead of once per incident: {error}")
            return list(alerts)

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def _begins(self, connection: sqlite3.Connection, alert: Alert) -> bool:
        key = alert.verdict.key
        first = self._waiting.get(key.client_ip)
        if first is not None and not _is_stored(connection, first):
            return first == alert.identifier
        self._waiting.pop(key.client_ip, None)
        if not _is_first(connection, alert):
            return False
        self._waiting[key.client_ip] = alert.identifier
        if len(self._waiting) > _WAITING:
            self._waiting.popitem(last=False)
        return True


def _is_first(connection: sqlite3.Connection, alert: Alert) -> bool:
    """Whether no other alert of its incident was stored before it; it need not be stored itself yet."""
    key = alert.verdict.key
    stored = connection.execute(
        "SELECT incident, number FROM alert WHERE identifier = ?", (alert.identifier,)
    ).fetchone()
    incident, number = stored or (fitting_incident(connection, key, is_authorised=False), None)
    before = connection.execute(
        "SELECT 1 FROM alert WHERE incident = ?1 AND (?2 IS NULL OR number < ?2) LIMIT 1", (incident, number)
    )
    return before.fetchone() is None


def _is_stored(connection: sqlite3.Connection, identifier: str) -> bool:
    found = connection.execute("SELECT 1 FROM alert WHERE identifier = ?", (identifier,)).fetchone()
    return found is not None
