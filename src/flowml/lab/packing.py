"""Packing: a recording becomes a data set of flow tables, small enough to ship."""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np

from flowml.capture.files import meter_file
from flowml.capture.settings import MeterSettings
from flowml.datasets.manifest import MANIFEST
from flowml.datasets.store import SMALL, write_flows
from flowml.errors import LabError
from flowml.lab.truth import render
from flowml.schema import DST_IP, DST_PORT, SRC_IP, SRC_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from flowml.flows.batch import FlowBatch


def pack_recording(recording: Path, folder: Path, keep_ratio: float = 1.0) -> list[Path]:
    """Meter the captures of a recording into Parquet tables beside a manifest that names them.

    Parameters
    ----------
    recording : Path
        Folder that `flowml lab record` wrote.
    folder : Path
        Must not hold a manifest yet.
    keep_ratio : float
        Share of the servers that is kept, with all their connections. Which ones follows from their names
        alone, so that no label and no size has a say in it.

    Returns
    -------
    list of Path
        The tables.

    Raises
    ------
    LabError
        The recording has no readable manifest, or the folder has one.
    """
    if (folder / MANIFEST).exists():
        raise LabError(f"{folder / MANIFEST}: exists already; choose another folder")
    try:
        data_set = tomllib.loads((recording / MANIFEST).read_text(encoding="utf-8"))
        names = [str(capture["file"]) for capture in data_set["captures"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise LabError(f"{recording / MANIFEST}: no manifest of a recording: {error}") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"{folder}: cannot be made: {error.strerror}; choose another folder") from error
    tables = [folder / f"{name.split('.')[0]}.parquet" for name in names]
    for capture, name, table in zip(data_set["captures"], names, tables, strict=True):
        _pack(capture, recording / name, table, keep_ratio)
    if keep_ratio < 1.0:
        data_set["made_with"] += f"; flowml lab pack --keep {keep_ratio:g}"
    (folder / MANIFEST).write_text(render(data_set), encoding="utf-8")
    return tables


def _pack(capture: dict[str, Any], path: Path, table: Path, keep_ratio: float) -> None:
    """Write a capture's table, and its name, digest and servers into the manifest's entry."""
    settings = MeterSettings(n_dissections=0)  # names are evidence for people; a data set needs none
    batches: Iterable[FlowBatch] = meter_file(path, settings)
    if keep_ratio < 1.0:
        kept = [server for server in capture["servers"] if _is_kept(server["origin"], keep_ratio)]
        batches = _of_servers(batches, {(server["ip"].encode(), server["port"]) for server in kept})
        capture["servers"] = kept
    write_flows(table, batches, settings.describe(), SMALL)
    capture["file"], capture["sha256"] = table.name, hashlib.sha256(table.read_bytes()).hexdigest()


def _is_kept(origin: str, keep_ratio: float) -> bool:
    return int.from_bytes(hashlib.sha256(origin.encode()).digest()[:4], "big") < keep_ratio * 2**32


def _of_servers(batches: Iterable[FlowBatch], servers: set[tuple[bytes, int]]) -> Iterator[FlowBatch]:
    """Records with one of these endpoints at either end."""
    for batch in batches:
        ends = (
            zip(batch[SRC_IP].tolist(), batch[SRC_PORT].tolist(), strict=True),
            zip(batch[DST_IP].tolist(), batch[DST_PORT].tolist(), strict=True),
        )
        is_kept = [
            source in servers or destination in servers for source, destination in zip(*ends, strict=True)
        ]
        yield batch.take(np.flatnonzero(is_kept))
