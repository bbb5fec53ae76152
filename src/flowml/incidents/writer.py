"""The sink that makes incidents of alerts."""

from collections.abc import Sequence
from pathlib import Path

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.errors import SinkError
from flowml.incidents.database import StoreError
from flowml.incidents.store import IncidentStore
from flowml.sinks.base import Terms


class IncidentWriter:
    """Stores alerts; what was stored before is not stored twice.

    Parameters
    ----------
    folder : Path
        State folder.

    Raises
    ------
    StoreError
        The database cannot be opened.
    """

    TERMS = Terms(at_most=256, wants_events=False)

    def __init__(self, folder: Path) -> None:
        self._store = IncidentStore(folder)

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Store alerts, all or none; `SinkError` if the database is locked for long or the disk is full."""
        try:
            self._store.take(alerts)
        except StoreError as error:
            raise SinkError(str(error)) from error

    def report(self, event: SensorEvent) -> None:
        """Events make no incident."""

    def close(self) -> None:
        """Close the database."""
        self._store.close()
