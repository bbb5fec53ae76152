"""Authorised mining is kept from the sinks: nobody is called for what somebody has allowed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from flowml.detections.alert import Alert
from flowml.incidents.database import StoreError
from flowml.incidents.policies import authorising
from flowml.incidents.store import IncidentStore

_BUSY_S = 0.5  # reading waits for nobody in WAL mode, but for a moment while the file is recovered


class Authorisations:
    """Says which alerts are about mining that a policy allows.

    Parameters
    ----------
    folder : Path
        State folder.
    tell : callable
        Told when policies cannot be read: then nothing counts as allowed, an alert too many being better than
        one too few.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._store = IncidentStore(folder, busy_s=_BUSY_S)
        self._tell = tell

    def others(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Give the alerts that no policy allows."""
        try:
            policies = self._store.policies()
        except StoreError as error:
            self._tell(f"authorised mining is reported like any other: {error}")
            return list(alerts)
        return [
            alert
            for alert in alerts
            if authorising(policies, alert.verdict.key.client_ip, alert.raised_ms) is None
        ]

    def close(self) -> None:
        """Close the database."""
        self._store.close()
