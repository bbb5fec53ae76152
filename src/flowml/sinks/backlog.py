"""What waits for one destination: in a journal on disk, and in memory when the disk takes nothing."""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from flowml.errors import SinkError
from flowml.sinks.journal import Journal

MEMORY_BYTES = 16 << 20  # of records, about 4,000 alerts with their evidence
_AT_ONCE = 64  # records that move to disk together


class Backlog:
    """Records in the order of their arrival; for several threads.

    Those in memory are younger than those in the journal and move there as soon as it takes them, so a crash
    loses at most what came while the disk was full.

    Parameters
    ----------
    journal : Journal or None
        None: all is kept in memory.
    memory_bytes : int
        Bytes of records kept in memory at most.
    """

    def __init__(self, journal: Journal | None, memory_bytes: int = MEMORY_BYTES) -> None:
        self.trouble = ""
        """Why the journal took nothing when it was last tried; empty: it did."""
        self._journal = journal
        self._memory_bytes = memory_bytes
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._is_closed = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Records that are not delivered."""
        with self._lock:
            return self._in_journal + len(self._held)

    @property
    def held(self) -> int:
        """Records in memory only: they are lost with this process."""
        return len(self._held)

    @property
    def is_durable(self) -> bool:
        """Whether all that waits, and what comes next, outlives this process."""
        return self._journal is not None and not self._held

    @property
    def spooled_bytes(self) -> int:
        """Bytes in the journal."""
        return 0 if self._journal is None else self._journal.size_bytes

    @property
    def held_bytes(self) -> int:
        """Bytes in memory only."""
        return self._held_bytes

    def put(self, records: Sequence[bytes]) -> None:
        """Keep records: on disk when this returns, or in memory while the disk takes nothing.

        Raises
        ------
        SinkError
            Neither had room: they are lost.
        """
        with self._lock:
            size = sum(map(len, records))
            if self._journal is None or not self._settle() or not self._spool(records):
                if self._held_bytes + size > self._memory_bytes:
                    why = self.trouble or f"{self._memory_bytes >> 20} MiB wait in memory, and no more may"
                    raise SinkError(f"{len(records)} alerts or events are lost: {why}")
                self._held.extend(records)
                self._held_bytes += size

    def settle(self) -> None:
        """Try again to move to disk what is in memory."""
        with self._lock:
            if self._journal is not None:
                self._settle()

    def head(self, limit: int) -> list[bytes]:
        """Give the oldest records, `limit` at most; raises `SinkError` if they cannot be read."""
        with self._lock:
            if self._journal is not None and len(self._journal):
                return self._journal.head(limit)
            return list(islice(self._held, limit))

    def done(self, count: int) -> None:
        """Forget the oldest `count` records.

        Raises
        ------
        SinkError
            That was not written down: they come again after a restart.
        """
        with self._lock:
            if self._is_closed:
                return
            in_journal = min(count, self._in_journal)
            self._forget_held(count - in_journal)
            if self._journal is not None and in_journal:
                self._journal.acknowledge(in_journal)

    def close(self) -> None:
        """Leave what is in the journal to the next start."""
        with self._lock:
            self._is_closed = True
            if self._journal is not None:
                self._journal.close()

    @property
    def _in_journal(self) -> int:
        return 0 if self._journal is None else len(self._journal)

    def _settle(self) -> bool:
        while self._held:
            some = list(islice(self._held, _AT_ONCE))
            if not self._spool(some):
                return False
            self._forget_held(len(some))
        return True

    def _forget_held(self, count: int) -> None:
        self._held_bytes -= sum(len(self._held.popleft()) for _ in range(count))

    def _spool(self, records: Sequence[bytes]) -> bool:
        assert self._journal is not None  # noqa: S101  # the callers look
        try:
            self._journal.append(records)
        except SinkError as error:
            self.trouble = str(error)
            return False
        self.trouble = ""
        return True
