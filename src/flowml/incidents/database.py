"""The database file: its tables, its versions, and its errors in one line."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from flowml.errors import FlowmlError
from flowml.incidents.upgrading import ALERT, from_first

DATABASE = "incidents.db"
_VERSION = 2
_WAL_BYTES = 64 << 20  # of a journal that has been written back; larger ones are cut
_TABLES = """
CREATE TABLE incident (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL, host TEXT NOT NULL, name TEXT NOT NULL, server TEXT NOT NULL,
    peer TEXT NOT NULL,
    owner TEXT NOT NULL, alerts INTEGER NOT NULL, probability REAL NOT NULL,
    first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX incident_newest ON incident (last_seen_ms DESC, number DESC);
CREATE INDEX incident_state ON incident (state, last_seen_ms DESC, number DESC);
CREATE INDEX incident_host ON incident (host, last_seen_ms DESC, number DESC, state, alerts, name);
CREATE INDEX incident_peer ON incident (peer, host);
CREATE TABLE step (
    number INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incident,
    time_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL
) STRICT;
CREATE INDEX step_incident ON step (incident, number DESC);
CREATE TABLE policy (
    number INTEGER PRIMARY KEY AUTOINCREMENT, network TEXT NOT NULL, reason TEXT NOT NULL,
    owner TEXT NOT NULL, until_ms INTEGER NOT NULL, suppressed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, who TEXT NOT NULL,
    action TEXT NOT NULL, target TEXT NOT NULL
) STRICT;
CREATE TABLE beat (
    time_ms INTEGER NOT NULL, source TEXT NOT NULL, packets INTEGER NOT NULL, bytes INTEGER NOT NULL,
    connections INTEGER NOT NULL, scored INTEGER NOT NULL, alerts INTEGER NOT NULL, drops INTEGER NOT NULL,
    PRIMARY KEY (time_ms, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE health (
    name TEXT PRIMARY KEY, status TEXT NOT NULL, words TEXT NOT NULL, since_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL, key TEXT NOT NULL DEFAULT '', figures TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;
CREATE TABLE model (
    role TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, card TEXT NOT NULL,
    since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE drift (
    time_ms INTEGER NOT NULL, name TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY (time_ms, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE disagreement (
    number INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, connection TEXT NOT NULL, champion REAL NOT NULL,
    challenger REAL NOT NULL
) STRICT;
CREATE INDEX disagreement_time ON disagreement (time_ms);
CREATE TABLE score (
    hour_ms INTEGER NOT NULL, model TEXT NOT NULL, bin INTEGER NOT NULL, connections INTEGER NOT NULL,
    PRIMARY KEY (hour_ms, model, bin)
) STRICT, WITHOUT ROWID;
CREATE TABLE agreement (
    hour_ms INTEGER NOT NULL, champion TEXT NOT NULL, challenger TEXT NOT NULL, judged INTEGER NOT NULL,
    both INTEGER NOT NULL, champion_only INTEGER NOT NULL, challenger_only INTEGER NOT NULL,
    PRIMARY KEY (hour_ms, champion, challenger)
) STRICT, WITHOUT ROWID;
CREATE TABLE change (only INTEGER PRIMARY KEY CHECK (only = 1), sequence INTEGER NOT NULL) STRICT;
INSERT INTO change VALUES (1, 0);
"""


def _make(connection: sqlite3.Connection) -> None:
    for statement in (*_TABLES.strip().split(";\n"), *ALERT.split(";\n")):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {_VERSION}")


_STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {0: _make, 1: from_first}
"""What makes a file of a version (0: it is empty) one of a later version."""


def _leave_to_the_owner(path: Path) -> None:
    """Make the file for whom the folder belongs to: root may ask before the sensor has started for once.

    SQLite gives the files beside it the same owner.
    """
    if os.geteuid() == 0 and not path.exists():
        with suppress(OSError):  # whoever opens it next tells why that is not possible
            path.touch()
            folder = path.parent.stat()
            os.chown(path, folder.st_uid, folder.st_gid)


class StoreError(FlowmlError):
    """Incidents cannot be kept or read."""


class Database:
    """One connection to the file; several processes may each have one.

    Not for two threads at once.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    busy_s : float
        How long to wait for another process that writes, seconds.

    Raises
    ------
    StoreError
        It cannot be opened, or was made by a later flowml.
    """

    def __init__(self, path: Path, busy_s: float) -> None:
        self.path = path
        _leave_to_the_owner(path)
        with self._named():
            self._connection = sqlite3.connect(
                path, timeout=busy_s, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read what belongs together: nobody's changes come in between."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing; it is on disk when the block ends."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection
            connection.execute("UPDATE change SET sequence = sequence + 1")

    def used_bytes(self) -> int:
        """Give the size of what is stored; the file may be larger by what was removed."""
        with self._named():
            pages, free, size = map(self._pragma, ("page_count", "freelist_count", "page_size"))
        return (pages - free) * size

    def give_back(self, at_most_pages: int) -> None:
        """Make the file smaller by what was removed, but for an eighth that will soon be used again."""
        with self._named():
            surplus = self._pragma("freelist_count") - self._pragma("page_count") // 8
            if surplus > 0:
                # a script: of a statement without columns `execute` makes one step, which frees one page
                self._connection.executescript(f"PRAGMA incremental_vacuum({min(surplus, at_most_pages)})")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._named():
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        # FULL: what was acknowledged outlives a power cut
        self._connection.executescript(
            # INCREMENTAL: room that was made can be given back; it changes an empty file alone
            "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
            f"PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = {_WAL_BYTES};"
        )
        if self._version() in _STEPS:
            self._bring_up_to_date()
        if self._version() != _VERSION:
            raise StoreError(
                f"{self.path}: of version {self._version()}, expected {_VERSION}; "
                "a later flowml made it: install that"
            )

    def _bring_up_to_date(self) -> None:
        was_empty = self._version() == 0
        with self._transaction("BEGIN IMMEDIATE") as connection:
            while (step := _STEPS.get(self._version())) is not None:  # perhaps somebody was quicker
                step(connection)
        if not was_empty:
            with suppress(sqlite3.OperationalError):  # no room for a copy: the file stays as large as it was
                self._connection.execute("VACUUM")

    def _version(self) -> int:
        return self._pragma("user_version")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: {error}; expected incidents of flowml in a folder that may be written; "
                "check folder, permissions and free space"
            ) from error
