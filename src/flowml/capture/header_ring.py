"""The newest headers of an interface in pcap files, within a bound: evidence for people."""

import os
import queue
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

HEADER_BYTES = (
    96  # of a packet at most, where no snapshot length is given: enough for TCP over IPv6 with options
)
SUFFIX = ".pcap"
_FILES = 16  # of a ring: the oldest sixteenth leaves at once
_MAX_SNAPSHOT = 262_144
_CLOSING_S = 0.5  # for what waits when the sensor ends
_WAITING = 2  # chunks between the meter and the disk; what is more is lost, and no meter waits
FILE_HEADER = struct.Struct("=IHHiIII")


@dataclass(frozen=True)
class HeaderRingSettings:
    """What is kept of the packets of an interface.

    Attributes
    ----------
    folder : Path
        Each interface has a folder in it.
    size_mib : int
        Room on the disk for each interface, MiB.
    snaplen_bytes : int or None
        Bytes kept of each packet, whatever they are; None: headers, cut where the payload begins.
    """

    folder: Path
    size_mib: int = 256
    snaplen_bytes: int | None = None

    @property
    def file_bytes(self) -> int:
        """Largest size of one of the files; also of what may wait in the meter."""
        return (self.size_mib << 20) // _FILES

    @property
    def kept_bytes(self) -> int:
        """Bytes kept of a packet at most."""
        return self.snaplen_bytes or HEADER_BYTES


def files_of(folder: Path, interface: str) -> list[Path]:
    """The files of an interface's ring, oldest first; their names are when they began (epoch, us)."""
    if "/" in interface:  # a capture file that was replayed: no ring is kept of it
        return []
    return sorted(path for path in (folder / interface).glob(f"*{SUFFIX}") if path.stem.isdigit())


class HeaderRing:
    """Writes what a meter kept, in a thread of its own; a context manager that ends it.

    Parameters
    ----------
    settings : HeaderRingSettings
    interface : str
    link_type : int
        Of the packets, as files name it.

    Attributes
    ----------
    lost : int
        Headers that were lost between meter and disk.
    trouble : str
        Why, in a sentence, as far as it is known; empty where nothing was lost.
    """

    def __init__(self, settings: HeaderRingSettings, interface: str, link_type: int) -> None:
        self.lost = 0
        self.trouble = ""
        self._settings = settings
        self._interface = interface
        self._link_type = link_type
        self._descriptor = -1
        self._used = 0  # bytes of the file that is being written
        self._waiting: queue.Queue[tuple[int, bytes] | None] = queue.Queue(_WAITING)
        self._writer = threading.Thread(target=self._write_all, name="header-ring", daemon=True)
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def put(self, packets: int, records: bytes) -> None:
        """Take so many records of a pcap file; never waits."""
        if not packets:
            return
        try:
            self._waiting.put_nowait((packets, records))
        except queue.Full:
            self._lose(packets, "the disk is too slow")

    def close(self) -> None:
        """Write what waits, as far as the disk takes it soon, and end; a second time does nothing."""
        with suppress(queue.Full):
            self._waiting.put(None, timeout=_CLOSING_S)
        self._writer.join(_CLOSING_S)
        with suppress(queue.Empty):
            while True:
                left = self._waiting.get_nowait()
                if left is not None:
                    self._lose(left[0], "the disk is too slow")

    def _lose(self, packets: int, why: str) -> None:
        self.lost += packets
        self.trouble = (
            f"{self._interface}: headers are not kept in {self._settings.folder}: {why}; "
            "check the folder of [evidence], its permissions and its free space"
        )

    def _write_all(self) -> None:
        while (chunk := self._waiting.get()) is not None:
            packets, records = chunk
            try:
                self._write(records)
            except OSError as error:
                self._abandon()
                self._lose(packets, error.strerror or str(error))
        self._abandon()

    def _write(self, records: bytes) -> None:
        if self._descriptor < 0 or self._used + len(records) > self._settings.file_bytes:
            self._begin(len(records))
        else:
            self._make_room(len(records))
        at = 0
        while at < len(records):
            at += os.write(self._descriptor, records[at:])
        self._used += len(records)

    def _begin(self, coming: int) -> None:
        """Begin a file that has room for what is coming."""
        self._abandon()
        folder = self._settings.folder / self._interface
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._make_room(coming + FILE_HEADER.size)
        before = files_of(self._settings.folder, self._interface)
        # a clock that was set back does not make the newest file the oldest one
        name = max(time.time_ns() // 1000, int(before[-1].stem) + 1 if before else 0)
        path = folder / f"{name:017d}{SUFFIX}"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        snapshot = self._settings.snaplen_bytes or _MAX_SNAPSHOT
        self._used = os.write(
            self._descriptor, FILE_HEADER.pack(0xA1B2C3D4, 2, 4, 0, 0, snapshot, self._link_type)
        )

    def _make_room(self, coming: int) -> None:
        """Remove the oldest files until what is coming fits, beside the one that is being written."""
        files = files_of(self._settings.folder, self._interface)
        sizes = {path: path.stat().st_size for path in files}
        for path in files[:-1] if self._descriptor >= 0 else files:
            if sum(sizes.values()) + coming <= self._settings.size_mib << 20:
                return
            path.unlink()
            del sizes[path]

    def _abandon(self) -> None:
        """End the file; after an error it may end within a record, which readers bear."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
