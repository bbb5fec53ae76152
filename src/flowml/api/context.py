"""What every route needs: settings, store, renderer."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from fastapi import Request

from flowml.api.access import Entrance, now_ms
from flowml.api.attempts import Attempts
from flowml.api.rendering import Renderer
from flowml.api.settings import DashboardSettings
from flowml.incidents import telemetry
from flowml.incidents.store import IncidentStore


class Stores:
    """The incidents' database, opened once by every thread that answers requests.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._of_thread = threading.local()
        self._opened: list[IncidentStore] = []
        self._lock = threading.Lock()

    def get(self) -> IncidentStore:
        """The store of this thread; `StoreError` if it cannot be opened."""
        store = getattr(self._of_thread, "store", None)
        if store is None:
            store = self._of_thread.store = IncidentStore(self._path)
            with self._lock:
                self._opened.append(store)
        return cast("IncidentStore", store)

    def close(self) -> None:
        """Close what every thread has opened."""
        with self._lock:
            for store in self._opened:
                store.close()
            self._opened.clear()


@dataclass(frozen=True)
class Context:
    """What every route needs.

    Attributes
    ----------
    settings : DashboardSettings
    shown : mapping
        All settings of the configuration file, as they are shown.
    entrance : Entrance
    renderer : Renderer
    stores : Stores
    evidence : Path or None
        Where headers of packets are kept; None: nothing of any packet is.
    attempts : Attempts
    leaving : threading.Event
        Set when the server ends: what is open shall close.
    """

    settings: DashboardSettings
    shown: Mapping[str, Mapping[str, str]]
    entrance: Entrance
    renderer: Renderer
    stores: Stores
    evidence: Path | None = None
    attempts: Attempts = field(default_factory=Attempts)
    leaving: threading.Event = field(default_factory=threading.Event)

    @property
    def store(self) -> IncidentStore:
        """The incidents' database."""
        return self.stores.get()

    def last_change(self) -> int:
        """The number of the last change that any process has stored."""
        return self.store.last_change()

    def audit(self, who: str, action: str, target: str) -> None:
        """Write into the audit log."""
        telemetry.audit(self.store, who, action, target, now_ms())


def context(request: Request) -> Context:
    """The context of this application."""
    return cast("Context", request.app.state.context)
