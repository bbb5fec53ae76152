"""The database of a sensor's state, as its configuration says."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowml.incidents.store import IncidentStore


@contextmanager
def open_state(config_file: Path) -> "Iterator[IncidentStore]":
    """Open the database; `ConfigError` where the configuration names no state folder."""
    from flowml.config.reader import read_settings
    from flowml.errors import ConfigError
    from flowml.incidents.store import IncidentStore

    folder = read_settings(config_file).state.folder
    if folder is None:
        raise ConfigError(f"{config_file}: no state.folder; without one a sensor remembers nothing")
    store = IncidentStore(folder)
    try:
        yield store
    finally:
        store.close()
