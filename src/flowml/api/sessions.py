"""Sessions: who has logged in, remembered on this side, so that a log-out is one and a restart is none."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowml.api.passwords import hash_token, new_token
from flowml.errors import FlowmlError

IDLE_MS = 12 * 3600 * 1000  # a shift; OWASP asks for a bound on silence and one on the whole
LIFE_MS = 7 * 24 * 3600 * 1000
_SEEN_EVERY_MS = 60_000  # not a write for each request
_TABLE = """
CREATE TABLE IF NOT EXISTS session (
    token TEXT PRIMARY KEY, name TEXT NOT NULL, secret TEXT NOT NULL, csrf TEXT NOT NULL,
    began_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID
"""


class SessionError(FlowmlError):
    """Sessions cannot be kept."""


@dataclass(frozen=True)
class Session:
    """Somebody who has logged in.

    Attributes
    ----------
    name : str
    secret : str
        What was stored of the password then: another one since then ends the session.
    csrf : str
        What a form has to bring along, to be one of ours.
    """

    name: str
    secret: str
    csrf: str


class Sessions:
    """Sessions in a small database of their own, for one process with any number of threads.

    Only hashes of the tokens are in it: whoever reads the file cannot take over a session.

    Parameters
    ----------
    path : Path
        Made if it is not there, for its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._named():
            path.touch(0o600)
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
            self._database.execute(_TABLE)

    def begin(self, name: str, secret: str, now_ms: int) -> str:
        """Begin a session and give its token; those that are over are forgotten."""
        token = new_token()
        with self._named():
            self._database.execute(
                "DELETE FROM session WHERE began_ms < ? OR seen_ms < ?", (now_ms - LIFE_MS, now_ms - IDLE_MS)
            )
            self._database.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)",
                (hash_token(token), name, secret, new_token(), now_ms, now_ms),
            )
        return token

    def find(self, token: str, now_ms: int) -> Session | None:
        """The session of a token, unless it is over."""
        with self._named():
            row = self._database.execute(
                "SELECT name, secret, csrf, began_ms, seen_ms FROM session WHERE token = ?",
                (hash_token(token),),
            ).fetchone()
            if row is None or now_ms - row[3] > LIFE_MS or now_ms - row[4] > IDLE_MS:
                return None
            if now_ms - row[4] > _SEEN_EVERY_MS:
                self._database.execute(
                    "UPDATE session SET seen_ms = ? WHERE token = ?", (now_ms, hash_token(token))
                )
        return Session(*row[:3])

    def end(self, token: str) -> None:
        """Forget a session."""
        with self._named():
            self._database.execute("DELETE FROM session WHERE token = ?", (hash_token(token),))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except (OSError, sqlite3.Error) as error:
            raise SessionError(
                f"{self._path}: sessions cannot be kept: {error}; "
                "check the folder, its permissions and its space"
            ) from error
