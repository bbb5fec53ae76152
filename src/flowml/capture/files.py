"""The door for capture files: checked on the way in, metered, and accounted for at the end."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from flowml.capture.census import Census
from flowml.capture.extension import extension
from flowml.capture.meter import Meter
from flowml.capture.reference import ReferenceMeter
from flowml.capture.settings import WHOLE, MeterSettings, Shard
from flowml.capture.sources import CaptureSource, open_capture
from flowml.capture.step import Step
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from flowml.schema import IS_FINAL, PACKETS, UID


class FileMeter(Protocol):
    """A meter for files."""

    def steps(self, path: Path) -> Iterator[Step]:
        """Meter the sound capture at `path`."""
        ...


SLOW = (
    "metering with NFStream's own loop, ten times slower, because flowml's was not compiled; "
    "install a C compiler (apt install gcc python3-dev) and flowml again"
)


def file_meter(settings: MeterSettings, shard: Shard = WHOLE) -> FileMeter:
    """The fastest meter that this installation has; only the compiled one takes a part of the flows."""
    return Meter(settings, shard) if extension() else ReferenceMeter(settings)


@dataclass
class Amounts:
    """What was metered of a capture file.

    Attributes
    ----------
    packets, flows : int
        In records.
    passed_over : int
        Packets whose protocol was not wanted.
    """

    packets: int = 0
    flows: int = 0
    passed_over: int = 0

    def add(self, step: Step) -> None:
        """Count what the batch of `step` ends."""
        self.passed_over = step.passed_over
        batch = step.batch
        if not len(batch):
            return
        self.packets += int(np.sum(batch[PACKETS], where=batch[IS_FINAL]))
        self.flows = max(self.flows, 1 + int(batch[UID].max(initial=0)))


@dataclass(frozen=True)
class CaptureReport:
    """How a capture file was accounted for.

    Attributes
    ----------
    path : Path
        The file.
    packets : int
        Packets in the file (before the damage, if it is damaged).
    metered : int
        Packets that are in its records.
    flows : int
        Flows in its records.
    ignored : mapping of str to int
        Packets that were left out, by reason.
    notes : tuple of str
        What an operator should know, a sentence each.
    passed_over : int
        Packets of protocols that were not wanted.
    """

    path: Path
    packets: int
    metered: int
    flows: int
    ignored: Mapping[str, int]
    notes: tuple[str, ...]
    passed_over: int = 0

    def lines(self) -> list[str]:
        """The report in words, a line each."""
        told = [f"{self.path}: {self.packets} packets in the file, {self.metered} metered"]
        if self.passed_over:
            told.append(f"{self.path}: {self.passed_over} passed over: another protocol than TCP")
        told += [f"{self.path}: {count} left out: {reason}" for reason, count in self.ignored.items()]
        return told + [f"{self.path}: {note}" for note in self.notes]


class CaptureFile:
    """One capture file on its way through a meter.

    Parameters
    ----------
    path : Path
        pcap or pcapng, plain or packed with gzip or Zstandard.
    settings : MeterSettings
        How to meter it.
    allow_partial : bool
        Meter what is sound of a damaged file and tell, instead of refusing it.
    shard : Shard
        Whose flows are metered; NFStream's own loop meters all of them.
    """

    def __init__(
        self, path: Path, settings: MeterSettings, *, allow_partial: bool = False, shard: Shard = WHOLE
    ) -> None:
        self.path = path
        self._settings = settings
        self._shard = shard
        self._allow_partial = allow_partial
        self._report: CaptureReport | None = None

    @property
    def report(self) -> CaptureReport:
        """The accounts, once `batches` is exhausted.

        Raises
        ------
        ValueError
            It is not exhausted yet.
        """
        if self._report is None:
            raise ValueError(f"{self.path}: no report before its last batch")
        return self._report

    def steps(self) -> Generator[Step]:
        """Meter the file.

        Yields
        ------
        Step
            Some thousand records each.

        Raises
        ------
        CaptureError
            The file cannot be read, is damaged, or lost packets on the way that nothing explains.
        """
        metered = Amounts()
        with open_capture(self.path, allow_partial=self._allow_partial) as source:
            for step in file_meter(self._settings, self._shard).steps(source.readable_path):
                metered.add(step)
                yield step
            self._report = account(source, metered, allow_partial=self._allow_partial)

    def batches(self, *, first_uid: int = 0) -> Iterator[FlowBatch]:
        """Meter the file; as `steps`, without the time.

        Parameters
        ----------
        first_uid : int
            Identifier of the first flow, for those who put several captures into one table.
        """
        for step in self.steps():
            if len(step.batch):
                yield step.batch.with_column(UID, step.batch[UID] + np.uint64(first_uid))


def meter_file(path: Path, settings: MeterSettings, *, allow_partial: bool = False) -> Iterator[FlowBatch]:
    """Meter a capture file without asking for the accounts; see `CaptureFile`."""
    return CaptureFile(path, settings, allow_partial=allow_partial).batches()


def account(source: CaptureSource, metered: Amounts, *, allow_partial: bool) -> CaptureReport:
    """Set what was metered against what is in the file.

    Raises
    ------
    CaptureError
        Packets were lost that nothing explains, and that is not allowed.
    """
    census = source.census
    seen = metered.packets + metered.passed_over
    lost = census.meterable - seen if census.is_classified else 0
    if lost > 0 and not allow_partial:
        raise CaptureError(
            f"{source.path}: {census.packets} packets in the file, {seen} metered, {lost} lost "
            "without a known reason; check it with capinfos, or take it as it is with --allow-partial"
        )
    ignored = dict(census.ignored.most_common())
    unexplained = census.packets - seen - sum(ignored.values())
    ignored |= census.unexplained(unexplained)
    notes = list(_notes(source, census))
    if unexplained < 0:
        notes.append(
            f"{-unexplained} of the packets that should be left out were metered by the engine all the same"
        )
    return CaptureReport(
        source.path,
        census.packets,
        metered.packets,
        metered.flows,
        ignored,
        tuple(notes),
        metered.passed_over,
    )


def _notes(source: CaptureSource, census: Census) -> Iterator[str]:
    if source.damage:
        yield (
            f"cut or corrupt at byte {source.damage.offset}: {source.damage.what}; "
            "nothing after it is metered"
        )
    if census.timeless:
        yield (
            f"{census.timeless} packets have no time, or one before 1970 or after 9999; "
            "they count as if they came with the one before them"
        )
    if census.late_packets:
        yield (
            f"time runs backwards: {census.late_packets} packets are up to {census.most_late_us / 1e6:.3f} s "
            "older than one before them and count as if they came with it; reordercap sorts them"
        )
