"""Scoring of capture files: what this process does with one of them, or with a part of its connections."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from flowml.capture.census import NOT_IP
from flowml.capture.files import CaptureFile, CaptureReport
from flowml.capture.settings import ONLY_TCP, MeterSettings
from flowml.capture.step import Step
from flowml.detections.explanation import explain
from flowml.detections.policy import Policy
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.models.bundle import ModelBundle
from flowml.service.scoring import Metered, conclude_moments
from flowml.service.telling import Told, Wanted, tell


@dataclass(frozen=True)
class Order:
    """What is to be done.

    Attributes
    ----------
    jobs : int
        Processes that do it.
    bundle : ModelBundle
    wanted : Wanted
    allow_partial : bool
    """

    jobs: int
    bundle: ModelBundle
    wanted: Wanted
    allow_partial: bool


def capture_to_score(path: Path, allow_partial: bool) -> CaptureFile:
    """A capture file, metered as scoring wants it."""
    return CaptureFile(path, MeterSettings(), allow_partial=allow_partial, shard=ONLY_TCP)


@dataclass
class Evictions:
    """Connections that ended early because the table was full."""

    count: int = 0


def score_steps(
    path: Path, steps: Iterable[Step], bundle: ModelBundle, wanted: Wanted, evictions: Evictions
) -> Iterator[Told]:
    """Score what a meter tells of the capture at `path`, moment after moment."""
    table = ConnectionTable(ConnectionSettings())
    source = (Metered(step.batch, step.clock_ms, step.is_moment) for step in steps)
    policy = Policy(str(path), explain, bundle.resembles, wanted.labels)
    for conclusions in conclude_moments(source, table, bundle.judge, policy):
        yield tell(conclusions, wanted)
    evictions.count += table.evicted


def notes(path: Path, report: CaptureReport, evictions: Evictions) -> list[str]:
    """What an operator should know of a file that was scored."""
    lines = []
    if evictions.count:
        lines.append(
            f"{path}: {evictions.count} connections ended early: more were open than a sensor remembers"
        )
    # every network has ARP in it; what else was left out is worth a line
    if set(report.ignored) - {NOT_IP} or report.notes:
        lines += report.lines()
    return lines


class FileScoring:
    """One file, scored in this process.

    Parameters
    ----------
    capture : CaptureFile
        See `capture_to_score`.
    bundle : ModelBundle
    wanted : Wanted
    """

    def __init__(self, capture: CaptureFile, bundle: ModelBundle, wanted: Wanted) -> None:
        self._capture, self._bundle, self._wanted = capture, bundle, wanted
        self._evictions = Evictions()

    def told(self) -> Generator[Told]:
        """Score the file.

        Raises
        ------
        CaptureError
            It cannot be scored; what was told of it before does not count.
        """
        with closing(self._capture.steps()) as made:
            yield from score_steps(self._capture.path, made, self._bundle, self._wanted, self._evictions)

    def notes(self) -> list[str]:
        """What an operator should know, once everything is told."""
        return notes(self._capture.path, self._capture.report, self._evictions)
