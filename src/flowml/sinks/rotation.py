"""A file of lines that makes room for a new one when it is large, or when somebody has moved it away."""

from collections.abc import Sequence
from pathlib import Path

from flowml.errors import SinkError
from flowml.sinks.files import AppendedLines


class RotatedLines:
    """A text file that grows by whole lines up to a size; older ones are ``NAME.1``, ``NAME.2`` and so on.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    limit_bytes : int or None
        A line that would make the file larger goes into a new one; None: it grows for ever.
    keep : int
        Older files that stay, at least 1.

    Raises
    ------
    SinkError
        It cannot be opened.
    """

    def __init__(self, path: Path, limit_bytes: int | None = None, keep: int = 1) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._keep = keep
        self._lines = AppendedLines(path)

    def append(self, lines: Sequence[str]) -> None:
        """Append lines, given without their ends, all of them or none; they are on disk when this returns.

        Raises
        ------
        SinkError
            None was written.
        """
        size = sum(len(line.encode()) + 1 for line in lines)
        before = self._lines.size_bytes
        if self._limit_bytes is not None and before and before + size > self._limit_bytes:
            self._rotate()
        self._lines.append("\n".join(lines))
        self._lines.sync()

    def reopen(self) -> None:
        """Go on in the file that has the name now; raises `SinkError` and goes on in the old one if not."""
        before, self._lines = self._lines, AppendedLines(self._path)
        before.close()

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _rotate(self) -> None:
        if not self._path.exists():  # renamed already, when a new one could not be made
            self.reopen()
            return
        try:
            for number in range(self._keep, 0, -1):
                older = self._numbered(number - 1)
                if older.exists():
                    older.replace(self._numbered(number))
        except OSError as error:
            raise SinkError(
                f"{self._path}: cannot be renamed: {error.strerror or error}; "
                "the folder has to be writable for rotation"
            ) from error
        self.reopen()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
