"""Scoring in several processes: a file each, or a part of the connections of one file each.

All of them are copies of this one, which takes part. Of one file every process reads the whole and lets every
packet drive its clock, and meters the flows of its part. So each tells of its connections at the same moments
and in the same words as one process that has them all. What a process tells goes through a temporary file,
moment by moment: a file of millions of connections does not have to fit into memory.
"""

import pickle
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from flowml.capture.files import Amounts, account, file_meter
from flowml.capture.settings import ONLY_TCP, MeterSettings
from flowml.capture.sources import CaptureSource
from flowml.capture.step import Step
from flowml.errors import CaptureError
from flowml.service.ahead import OpenedAhead
from flowml.service.files import Evictions, FileScoring, Order, capture_to_score, notes, score_steps
from flowml.service.forks import Forks
from flowml.service.telling import Told, together
from flowml.signals import held_signals


@dataclass(frozen=True)
class _Done:
    """What one process did, told in `spool`."""

    spool: Path
    amounts: Amounts
    evictions: Evictions
    notes: list[str]
    error: CaptureError | None = None


class SharedScoring:
    """A file that was scored into spools; the same interface as `FileScoring`."""

    def __init__(self, parts: Sequence[_Done], told_notes: list[str]) -> None:
        self._parts = parts
        self._notes = told_notes

    def told(self) -> Generator[Told]:
        """What was told of it, its parts put together."""
        for part in self._parts:
            if part.error:
                raise part.error
        with ExitStack() as stack:
            streams = [_unspooled(stack.enter_context(part.spool.open("rb"))) for part in self._parts]
            yield from map(together, zip(*streams, strict=True))
        for part in self._parts:
            part.spool.unlink()

    def notes(self) -> list[str]:
        """What an operator should know."""
        return self._notes


@contextmanager
def score_side_by_side(paths: Sequence[Path], order: Order) -> Generator[Iterator[SharedScoring]]:
    """Score files in `order.jobs` processes, which are made at once and last as long as the block.

    Yields
    ------
    iterator of SharedScoring
        For each file in turn; valid until the next one is asked for. What cannot be scored tells so itself.
    """
    with (
        _spools() as folder,
        closing(Forks(order.jobs, len(paths), partial(_score_file, paths, order, folder))) as forks,
    ):
        yield (SharedScoring([done], done.notes) for done in forks.results())


@contextmanager
def score_in_parts(opened: OpenedAhead, order: Order) -> Generator[Iterator[SharedScoring]]:
    """Score one file in `order.jobs` processes, each a part of its connections.

    Yields
    ------
    iterator of SharedScoring
        Of the file alone.

    Raises
    ------
    CaptureError
        The file cannot be scored, here or in the block.
    """
    with _spools() as folder:
        source = opened.source()
        work = partial(_score_part, source, order, folder)
        with closing(Forks(order.jobs, order.jobs, work)) as forks:
            yield _of_parts(source, forks.results(), order)


@contextmanager
def _spools() -> Generator[Path]:
    """A folder for what processes tell each other."""
    with ExitStack() as made:
        with held_signals():  # one between the making and what removes it would leave it there
            name = made.enter_context(tempfile.TemporaryDirectory(prefix="flowml-"))
        yield Path(name)


def _of_parts(source: CaptureSource, done: Iterator[_Done], order: Order) -> Iterator[SharedScoring]:
    """Wait for all parts of a file."""
    parts = list(done)
    for part in parts:
        if part.error:
            raise part.error
    amounts = Amounts(
        sum(part.amounts.packets for part in parts),
        sum(part.amounts.flows for part in parts),
        sum(part.amounts.passed_over for part in parts),
    )
    report = account(source, amounts, allow_partial=order.allow_partial)
    evictions = Evictions(sum(part.evictions.count for part in parts))
    yield SharedScoring(parts, notes(source.path, report, evictions))


# --- in each of the processes -----------------------------------------------------------------------------


def _score_file(paths: Sequence[Path], order: Order, folder: Path, number: int) -> _Done:
    spool, capture = folder / f"{number}.told", capture_to_score(paths[number], order.allow_partial)
    scoring = FileScoring(capture, order.bundle, order.wanted)
    try:
        _spool(scoring.told(), spool)
    except CaptureError as error:
        return _Done(spool, Amounts(), Evictions(), [], error)
    return _Done(spool, Amounts(), Evictions(), scoring.notes())


def _score_part(source: CaptureSource, order: Order, folder: Path, number: int) -> _Done:
    spool, amounts, evictions = folder / f"{number}.told", Amounts(), Evictions()
    shard = replace(ONLY_TCP, number=number, count=order.jobs)
    steps = _counted(file_meter(MeterSettings(), shard).steps(source.readable_path), amounts)
    try:
        _spool(score_steps(source.path, steps, order.bundle, order.wanted, evictions), spool)
    except CaptureError as error:
        return _Done(spool, amounts, evictions, [], error)
    return _Done(spool, amounts, evictions, [])


def _counted(steps: Iterator[Step], amounts: Amounts) -> Iterator[Step]:
    for step in steps:
        amounts.add(step)
        yield step


def _spool(told: Iterator[Told], path: Path) -> None:
    with ExitStack() as opened:
        with held_signals():  # one between the opening and what closes it would leave it open
            file = opened.enter_context(path.open("wb"))
        for moment in told:
            pickle.dump(moment, file, pickle.HIGHEST_PROTOCOL)


def _unspooled(file: BinaryIO) -> Iterator[Told]:
    while file.peek(1):  # type: ignore[attr-defined]  # it is buffered
        yield pickle.load(file)  # noqa: S301  a copy of this process wrote it, into a folder of this user
