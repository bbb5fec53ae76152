"""Whether the sensor before this one ended in order: a file is there while one is at work."""

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from flowml.detections.event import SENSOR, EventKind, SensorEvent
from flowml.errors import SinkError

_FILE = "at-work"


class Presence:
    """A context manager: inside it the file is there, behind it it is not, however the block ends.

    A process that is killed, or a machine without power, leaves the file behind. Its time of change is the
    last sign of life.

    Parameters
    ----------
    folder : Path
        State folder; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._left_s = self._changed_s()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink(missing_ok=True)

    def interruption(self) -> SensorEvent | None:
        """What is to be told of the sensor before; None if it ended in order.

        It is told until the first sign of life: whoever is killed before it was told does not hide it.
        """
        if self._left_s is None:
            return None
        now_s = time.time()
        gap_s = max(0.0, now_s - self._left_s)
        message = f"the sensor was ended by force; its last sign of life was {gap_s:.1f} s ago"
        return SensorEvent(int(now_s * 1000), EventKind.RESUMED, SENSOR, message, 0, gap_s)

    def sign(self) -> None:
        """Give a sign of life.

        Raises
        ------
        SinkError
            The file cannot be written.
        """
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600))
            os.utime(self._path)
        except OSError as error:
            raise SinkError(
                f"{self._path}: cannot be written: {error.strerror or error}; "
                "check the folder and its free space, or name another state.folder"
            ) from error

    def _changed_s(self) -> float | None:
        try:
            return self._path.stat().st_mtime
        except FileNotFoundError:
            return None
