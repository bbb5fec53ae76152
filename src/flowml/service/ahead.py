"""Opening ahead: a thread checks and counts a capture while this process imports and loads the model.

The walk through the file needs no lock of the interpreter. It is over before copies of the process are made,
which must have no other threads.
"""

import atexit  # noqa: F401  weakref.finalize, which temporary files use, imports it in the thread otherwise
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

from flowml.capture.extension import extension
from flowml.capture.sources import CaptureSource, open_capture


class OpenedAhead:
    """A capture that a thread opens from now on; see `open_capture`.

    Parameters
    ----------
    path : Path
    allow_partial : bool
    """

    def __init__(self, path: Path, *, allow_partial: bool) -> None:
        # the thread must import nothing: Python can leave an import that Ctrl-C ends with its lock held
        extension()
        self.path = path
        self._allow_partial = allow_partial
        self._opened = ExitStack()
        self._source: CaptureSource | Exception | None = None
        self._thread = Thread(target=self._open, name="flowml-open")
        self._thread.start()

    def source(self) -> CaptureSource:
        """Wait until the capture is open, and give it.

        Raises
        ------
        CaptureError
            It cannot be metered.
        """
        self._thread.join()
        if isinstance(self._source, CaptureSource):
            return self._source
        raise self._source or ValueError(f"{self.path}: closed already")

    def close(self) -> None:
        """Wait for the thread, and remove its temporary files."""
        self._thread.join()
        self._opened.close()
        self._source = None

    def _open(self) -> None:
        try:
            self._source = self._opened.enter_context(
                open_capture(self.path, allow_partial=self._allow_partial)
            )
        except Exception as error:  # noqa: BLE001  whoever asks for the source hears of it
            self._source = error
