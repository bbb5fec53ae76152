"""A journal on disk: what was appended is there after any crash, until it is acknowledged.

Layout: a header with the place of the first record that is not acknowledged, then records, each with a mark,
its length and its CRC-32. Records are only ever appended; the place in the header moves on in one small
write, which needs no free space. A crash at any moment can tear the last append, which was not accepted yet,
or lose an acknowledgement, which delivers something twice.
"""

import fcntl
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from flowml.errors import SinkError

_MAGIC = b"flowml journal 1"
_HEADER = struct.Struct("<16sQI4x")  # magic, place of the first record, CRC-32 of that place
_RECORD = struct.Struct("<4sII")  # mark, length, CRC-32 of the payload
_MARK = b"\xf1rec"
_COMPACT_BYTES = 1 << 20  # acknowledged bytes that are not worth a rewrite


class Journal:
    """Records in the order of their arrival.

    Not for several threads; locked against other processes.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    limit_bytes : int
        Bytes of records that are not acknowledged, at most.

    Attributes
    ----------
    damage : str
        What was found broken when it was opened, in a sentence; empty: nothing.

    Raises
    ------
    SinkError
        It cannot be opened, another process has it, or it is something else.
    """

    EMPTY_BYTES = _HEADER.size
    """Size of a journal without records."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self.damage = ""
        self._limit_bytes = limit_bytes
        self._pending: deque[tuple[int, int]] = deque()  # place and length of each record with its head
        self._size_bytes = 0
        with self._named("cannot be opened"):
            self._fd = _locked(path)
            try:
                self._recover()
            except BaseException:
                os.close(self._fd)
                raise

    def __len__(self) -> int:
        """Records that are not acknowledged."""
        return len(self._pending)

    @property
    def size_bytes(self) -> int:
        """Bytes of the records that are not acknowledged."""
        return self._size_bytes

    def append(self, records: Sequence[bytes]) -> None:
        """Keep records; they are on disk when this returns.

        Raises
        ------
        SinkError
            None of them was kept.
        """
        framed = [_frame(record) for record in records]
        size = sum(map(len, framed))
        if self._size_bytes + size > self._limit_bytes:
            raise SinkError(
                f"{self.path}: full: {self._size_bytes >> 20} of {self._limit_bytes >> 20} MiB wait; "
                "mend the destination or raise sinks.spool_mib"
            )
        with self._named("cannot be written"):
            end = os.fstat(self._fd).st_size
            try:
                _write(self._fd, b"".join(framed), end)
                os.fdatasync(self._fd)
            except OSError:
                os.ftruncate(self._fd, end)
                raise
        for frame in framed:
            self._pending.append((end, len(frame)))
            end += len(frame)
        self._size_bytes += size

    def head(self, limit: int) -> list[bytes]:
        """Give the oldest records that are not acknowledged, `limit` at most.

        Raises
        ------
        SinkError
            They cannot be read.
        """
        with self._named("cannot be read"):
            return [
                os.pread(self._fd, length - _RECORD.size, place + _RECORD.size)
                for place, length in islice(self._pending, limit)
            ]

    def acknowledge(self, count: int) -> None:
        """Forget the oldest `count` records.

        Raises
        ------
        SinkError
            That was not written down: they are forgotten, and come again after a restart.
        """
        self._size_bytes -= sum(self._pending.popleft()[1] for _ in range(count))
        with self._named("cannot be written"):
            if not self._pending:
                os.ftruncate(self._fd, _HEADER.size)
                self._point(_HEADER.size)
                return
            first = self._pending[0][0]
            self._point(first)
            if first > max(self._size_bytes, _COMPACT_BYTES):
                with suppress(OSError):  # a full disk: it only stays as long as it is
                    self._compact()

    def close(self) -> None:
        """Leave what is not acknowledged for the next one to open it."""
        os.close(self._fd)

    def _point(self, place: int) -> None:
        _write(self._fd, _header(place), 0)

    def _recover(self) -> None:
        """Find the records; what is no record is told and taken out."""
        size = os.fstat(self._fd).st_size
        data = os.pread(self._fd, size, 0)
        if size >= _HEADER.size and not data.startswith(_MAGIC):
            raise SinkError(f"{self.path}: is no journal of flowml; move it away")
        if size < _HEADER.size:
            self._point(_HEADER.size)
            os.fsync(self._fd)
            _sync_folder(self.path.parent)
            return
        lost_bytes = self._find(data)
        if lost_bytes:
            self.damage = (
                f"{self.path}: {lost_bytes} bytes are no whole record and were dropped; "
                f"{len(self)} records are sound"
            )
            self._compact()

    def _find(self, data: bytes) -> int:
        """Note the sound records after the place that the header names; give how many bytes are none."""
        _, place, checksum = _HEADER.unpack_from(data)
        if zlib.crc32(struct.pack("<Q", place)) != checksum or place > len(data):
            place = _HEADER.size
        lost_bytes = 0
        while place < len(data):
            length = _sound(data, place)
            if length:
                self._pending.append((place, length))
                self._size_bytes += length
            else:
                following = data.find(_MARK, place + 1)
                length = (following if following >= 0 else len(data)) - place
                lost_bytes += length
            place += length
        return lost_bytes

    def _compact(self) -> None:
        """Write what is left beside, and take its name."""
        part = self.path.with_name(f"{self.path.name}.part")
        fd = _locked(part)
        try:
            os.ftruncate(fd, 0)
            end = _write(fd, _header(_HEADER.size), 0)
            moved: deque[tuple[int, int]] = deque()
            for place, length in self._pending:
                moved.append((end, length))
                end = _write(fd, os.pread(self._fd, length, place), end)
            os.fsync(fd)
            part.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError:
            os.close(fd)
            part.unlink(missing_ok=True)
            raise
        os.close(self._fd)
        self._fd, self._pending = fd, moved

    @contextmanager
    def _named(self, what: str) -> Iterator[None]:
        try:
            yield
        except BlockingIOError as error:
            raise SinkError(
                f"{self.path}: another sensor uses it; end that one or name another state.folder"
            ) from error
        except OSError as error:
            raise SinkError(
                f"{self.path}: {what}: {error.strerror or error}; "
                "check the folder, its permissions and its free space"
            ) from error


def _frame(record: bytes) -> bytes:
    return _RECORD.pack(_MARK, len(record), zlib.crc32(record)) + record


def _header(place: int) -> bytes:
    return _HEADER.pack(_MAGIC, place, zlib.crc32(struct.pack("<Q", place)))


def _sound(data: bytes, place: int) -> int:
    """Length of the record at a place with its head; 0 if there is none."""
    if place + _RECORD.size > len(data):
        return 0
    mark, length, checksum = _RECORD.unpack_from(data, place)
    payload = data[place + _RECORD.size : place + _RECORD.size + length]
    if mark != _MARK or len(payload) < length or zlib.crc32(payload) != checksum:
        return 0
    return _RECORD.size + int(length)


def _locked(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


def _write(fd: int, data: bytes, place: int) -> int:
    """Write all of it at a place; give where it ends."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, place)
        view, place = view[written:], place + written
    return place


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
