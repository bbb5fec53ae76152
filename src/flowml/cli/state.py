"""Where a command finds the incidents: the state folder of the sensor's configuration."""

import getpass
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowml.incidents.store import IncidentStore


@contextmanager
def opened(config_file: Path) -> "Iterator[IncidentStore]":
    """Open the incidents of a configuration.

    Raises
    ------
    ConfigError
        It names no state folder, or one that is not there.
    StoreError
        They cannot be read.
    """
    from flowml.config.reader import read_settings
    from flowml.errors import ConfigError
    from flowml.incidents.store import IncidentStore

    folder = read_settings(config_file).state.folder
    if folder is None:
        raise ConfigError(f"{config_file}: names no state.folder, where incidents are kept; add it")
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; flowml live makes it, or mend state.folder")
    store = IncidentStore(folder)
    try:
        yield store
    finally:
        store.close()


def now_ms() -> int:
    """The time (epoch, ms)."""
    return time.time_ns() // 1_000_000


def who() -> str:
    """Whoever types."""
    return getpass.getuser()


def moment(time_ms: int) -> str:
    """A time as people read it, in UTC."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
