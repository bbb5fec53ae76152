"""The sink that makes incidents of alerts."""

from collections.abc import Sequence
from pathlib import Path

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.errors import SinkError
from flowml.incidents.database import StoreError
from flowml.incidents.names import HostNames
from flowml.incidents.settings import USUAL, IncidentSettings
from flowml.incidents.store import IncidentStore
from flowml.sinks.base import Terms


class IncidentWriter:
    """Stores alerts; what was stored before is not stored twice.

    Parameters
    ----------
    folder : Path
        State folder; made if it is not there.
    settings : IncidentSettings

    Raises
    ------
    StoreError
        The database cannot be opened.
    ConfigError
        The file of names is not as expected.
    """

    TERMS = Terms(at_most=256, wants_events=False)

    def __init__(self, folder: Path, settings: IncidentSettings = USUAL) -> None:
        self._names = HostNames(settings)
        self._store = IncidentStore(_made(folder))

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Store alerts, all or none; `SinkError` if the database is locked for long or the disk is full."""
        names = self._names.of({alert.verdict.key.client_ip for alert in alerts})
        try:
            self._store.take(alerts, names)
        except StoreError as error:
            raise SinkError(str(error)) from error

    def report(self, event: SensorEvent) -> None:
        """Events make no incident."""

    def close(self) -> None:
        """Close the database."""
        self._store.close()


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be made: {error.strerror or error}; make it, or name another state.folder"
        ) from error
    return folder
