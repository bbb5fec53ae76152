"""Collected observations on disk: metering takes longer than fitting, and captures do not change."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

import flowml
from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import LabelledCapture
from flowml.errors import DataError
from flowml.flows.observations import COLUMN_NAMES, Observations
from flowml.flows.packets import PacketSequences
from flowml.training.collect import gather
from flowml.whole_files import unfinished_beside

_CODE = ("schema.py", "capture", "flows", "datasets", "training/collect.py")
"""What decides which observations a capture gives: another version of it finds nothing in the cache."""

_PACKETS = ("offsets", "time_ms", "size_bytes")


def gather_cached(
    captures: Sequence[LabelledCapture],
    late_s: tuple[float, ...],
    cache: Path | None,
    progress: Callable[[str], None] = lambda _: None,
) -> LabelledObservations:
    """Collect as `flowml.training.collect.gather` does, and keep the observations of each folder of captures.

    Parameters
    ----------
    captures : sequence of LabelledCapture
        Those of a folder one after another.
    late_s : tuple of float
        See `flowml.training.collect.collect`.
    cache : Path or None
        Folder, made where it is missing; None: nothing is kept. Entries are named after the checksums of the
        captures, their truth and the code that meters them, so a changed one is collected again.
    progress : callable
        Told what is going on.

    Raises
    ------
    DataError
        There is no labelled observation, or the cache cannot be written.
    """
    if cache is None or not captures:
        return gather(captures, late_s, progress)
    parts = []
    for folder, group in groupby(captures, key=lambda capture: capture.path.parent):
        members = list(group)
        entry = cache / f"{folder.name}-{_key(members, late_s)}.npz"
        if not entry.exists():
            _write(entry, gather(members, late_s, progress))
        parts.append(_read(entry))
    return LabelledObservations.concat(parts)


def _key(captures: Sequence[LabelledCapture], late_s: tuple[float, ...]) -> str:
    digest = hashlib.sha256(repr(late_s).encode())
    for file in _code():
        digest.update(file.read_bytes())
    for capture in captures:
        truth = (capture.source, capture.is_emulated, capture.may_fit, capture.is_mining, capture.servers)
        digest.update(f"{capture.path.name} {capture.verify()} {truth}".encode())
    return digest.hexdigest()[:16]


def _code() -> Iterator[Path]:
    root = Path(flowml.__file__).parent
    for name in _CODE:
        place = root / name
        files = place.rglob("*") if place.is_dir() else (place,)
        yield from sorted(file for file in files if file.suffix in {".py", ".c", ".h"})


def _write(entry: Path, labelled: LabelledObservations) -> None:
    seen = labelled.observations
    arrays = {name: getattr(seen, name) for name in COLUMN_NAMES}
    arrays |= {name: getattr(seen.packets, name) for name in _PACKETS}
    arrays |= {f"truth_{name}": value for name, value in vars(labelled).items() if name != "observations"}
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_beside(entry) as unfinished:  # two evaluations may fill one cache
            with unfinished.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            unfinished.replace(entry)
    except OSError as error:
        raise DataError(f"{entry}: cannot be written: {error.strerror or error}") from error


def _read(entry: Path) -> LabelledObservations:
    with np.load(entry, allow_pickle=False) as arrays:
        packets = PacketSequences(*(arrays[name] for name in _PACKETS))
        seen = Observations(**{name: arrays[name] for name in COLUMN_NAMES}, packets=packets)
        truth = {name: arrays[name] for name in arrays.files if name.startswith("truth_")}
    return LabelledObservations(seen, **{name.removeprefix("truth_"): value for name, value in truth.items()})
