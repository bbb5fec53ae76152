"""Scoring in several processes: a file each, or a part of the connections of one file each.

Every worker reads the whole file and lets every packet drive its clock, and meters the flows of its part. So
each tells of its connections at the same moments and in the same words as one process that has them all.
What a worker tells goes through a temporary file, moment by moment: a file of millions of connections does
not have to fit into memory.
"""

import pickle
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from flowml.capture.extension import extension
from flowml.capture.files import Amounts, account, file_meter
from flowml.capture.settings import ONLY_TCP, MeterSettings, Shard
from flowml.capture.sources import open_capture
from flowml.capture.step import Step
from flowml.errors import CaptureError
from flowml.models.bundle import ModelBundle, load_bundle
from flowml.parallel import in_workers
from flowml.service.files import Evictions, FileScoring, notes, score_steps
from flowml.service.telling import Told, Wanted, together


@dataclass(frozen=True)
class Order:
    """What all workers have to know.

    Attributes
    ----------
    jobs : int
        How many of them.
    model : Path
        Folder of the bundle.
    digest : str
        Of the bundle: each worker checks the bytes that it loads.
    wanted : Wanted
    allow_partial : bool
    """

    jobs: int
    model: Path
    digest: str
    wanted: Wanted
    allow_partial: bool


@dataclass(frozen=True)
class _Done:
    """What a worker did, told in `spool`."""

    spool: Path
    amounts: Amounts
    evictions: Evictions
    notes: list[str]
    error: CaptureError | None = None


class SharedScoring:
    """A file that workers have scored; the same interface as `FileScoring`."""

    def __init__(self, parts: Sequence[_Done], told_notes: list[str]) -> None:
        self._parts = parts
        self._notes = told_notes

    def told(self) -> Generator[Told]:
        """What the workers told, their parts put together."""
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


def score_shared(paths: Sequence[Path], order: Order) -> Iterator[SharedScoring]:
    """Score files in `order.jobs` processes.

    Yields
    ------
    SharedScoring
        For each file in turn; valid until the next one is asked for.

    Raises
    ------
    CaptureError
        The only file cannot be scored. Of several, each tells by itself.
    """
    with tempfile.TemporaryDirectory(prefix="flowml-") as folder:
        if len(paths) == 1 and extension():
            yield _score_parts(paths[0], order, Path(folder))
        else:
            yield from _score_each(paths, order, Path(folder))


def _score_each(paths: Sequence[Path], order: Order, folder: Path) -> Iterator[SharedScoring]:
    tasks = ((path, order, folder / f"{number}.told") for number, path in enumerate(paths))
    for done in in_workers(order.jobs, _score_file, tasks):
        yield SharedScoring([done], done.notes)


def _score_parts(path: Path, order: Order, folder: Path) -> SharedScoring:
    with open_capture(path, allow_partial=order.allow_partial) as source:
        tasks = (
            (
                (path, source.readable_path),
                replace(ONLY_TCP, number=number, count=order.jobs),
                order,
                folder / f"{number}.told",
            )
            for number in range(order.jobs)
        )
        parts = list(in_workers(order.jobs, _score_part, tasks))
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
    return SharedScoring(parts, notes(path, report, evictions))


# --- in the workers ---------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _bundle(folder: Path, digest: str) -> ModelBundle:
    return load_bundle(folder, digest)


def _score_file(path: Path, order: Order, spool: Path) -> _Done:
    scoring = FileScoring(
        path, _bundle(order.model, order.digest), order.wanted, allow_partial=order.allow_partial
    )
    try:
        _spool(scoring.told(), spool)
    except CaptureError as error:
        return _Done(spool, Amounts(), Evictions(), [], error)
    return _Done(spool, Amounts(), Evictions(), scoring.notes())


def _score_part(paths: tuple[Path, Path], shard: Shard, order: Order, spool: Path) -> _Done:
    named, readable = paths
    amounts, evictions = Amounts(), Evictions()
    steps = _counted(file_meter(MeterSettings(), shard).steps(readable), amounts)
    try:
        told = score_steps(named, steps, _bundle(order.model, order.digest), order.wanted, evictions)
        _spool(told, spool)
    except CaptureError as error:
        return _Done(spool, amounts, evictions, [], error)
    return _Done(spool, amounts, evictions, [])


def _counted(steps: Iterator[Step], amounts: Amounts) -> Iterator[Step]:
    for step in steps:
        amounts.add(step)
        yield step


def _spool(told: Iterator[Told], path: Path) -> None:
    with path.open("wb") as file:
        for moment in told:
            pickle.dump(moment, file, pickle.HIGHEST_PROTOCOL)


def _unspooled(file: BinaryIO) -> Iterator[Told]:
    while file.peek(1):  # type: ignore[attr-defined]  # it is buffered
        yield pickle.load(file)  # noqa: S301  our own worker wrote it, into a folder of this user
