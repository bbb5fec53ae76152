"""Files that are either whole or not there, and files that grow by whole lines."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from flowml.errors import SinkError


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a line that names the file."""
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"{path}: cannot be written: {error.strerror or error}; "
            "check the folder, its permissions and its free space, or name another file"
        ) from error


def _require_replaceable(path: Path) -> None:
    """Refuse what a rename would destroy: a device such as /dev/null, a pipe, a folder."""
    if path.exists() and not path.is_file():
        raise SinkError(f"{path}: is not a regular file, expected one to create or to replace")


class WholeFile:
    """A text file that appears under its name only when it is complete.

    It is written beside its place and renamed; if the block is left by an exception, nothing remains and a
    file that was there before stays as it was.

    Parameters
    ----------
    path : Path
        Where it shall appear; a symbolic link is followed.

    Raises
    ------
    SinkError
        It cannot be written there; every method but `discard` raises it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _named(path):
            target = path.resolve()
            _require_replaceable(target)
            self._part = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part")
            self._target = target
            self._file = self._part.open("x", encoding="utf-8", newline="\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.publish()
        else:
            self.discard()

    def write(self, line: str) -> None:
        """Append a line, given without its end."""
        with _named(self.path):
            self._file.write(line + "\n")

    def mark(self) -> int:
        """Give the place up to which the file is good, for `rewind`."""
        with _named(self.path):
            return self._file.tell()

    def rewind(self, mark: int) -> None:
        """Take back what was written since `mark`."""
        with _named(self.path):
            self._file.seek(mark)
            self._file.truncate()

    def publish(self) -> None:
        """Give the file its name; discard it if even that fails."""
        try:
            with _named(self.path):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._part.replace(self._target)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Leave no trace."""
        try:
            self._file.close()
        except OSError:
            pass  # what could not be flushed is not wanted any more
        finally:
            self._part.unlink(missing_ok=True)


class AppendedLines:
    """A text file that grows by whole lines, each handed to the system in one piece.

    Parameters
    ----------
    path : Path
        Made if it is not there. A device or pipe is written to as it is.

    Raises
    ------
    SinkError
        It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _named(path):
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._is_regular = stat.S_ISREG(os.fstat(self._fd).st_mode)
        self._mend()

    def append(self, line: str) -> None:
        """Append a line, given without its end.

        Raises
        ------
        SinkError
            It was not written; the file ends where it ended before.
        """
        with _named(self.path):
            data = line.encode() + b"\n"
            before = os.fstat(self._fd).st_size
            try:
                while data:
                    data = data[os.write(self._fd, data) :]
            except OSError:
                if self._is_regular:  # a full disk takes the beginning of a line
                    os.ftruncate(self._fd, before)
                raise

    @property
    def size_bytes(self) -> int:
        """Size of the file; 0 of a device or pipe."""
        return os.fstat(self._fd).st_size if self._is_regular else 0

    def sync(self) -> None:
        """Return when what was appended is on disk; raises `SinkError` if it cannot get there."""
        if self._is_regular:
            with _named(self.path):
                os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _mend(self) -> None:
        """End a line that another writer left half written, so that ours do not continue it."""
        if not self._is_regular or not os.fstat(self._fd).st_size:
            return
        with _named(self.path), self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                os.write(self._fd, b"\n")
