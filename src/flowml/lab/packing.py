"""Packing: a recording becomes a data set of flow tables, small enough to ship."""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING

from flowml.capture.files import meter_file
from flowml.capture.settings import MeterSettings
from flowml.datasets.manifest import MANIFEST
from flowml.datasets.store import write_flows
from flowml.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path


def pack_recording(recording: Path, folder: Path) -> list[Path]:
    """Meter the captures of a recording into Parquet tables beside a manifest that names them.

    Parameters
    ----------
    recording : Path
        Folder that `flowml lab record` wrote.
    folder : Path
        Must not hold a manifest yet.

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
        text = (recording / MANIFEST).read_text(encoding="utf-8")
        captures = [(capture["file"], capture["sha256"]) for capture in tomllib.loads(text)["captures"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise LabError(f"{recording / MANIFEST}: no manifest of a recording: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    settings = MeterSettings(n_dissections=0)  # names are evidence for people; a data set needs none
    tables = []
    for name, digest in captures:
        table = folder / f"{name.split('.')[0]}.parquet"
        write_flows(table, meter_file(recording / name, settings), settings.describe())
        text = text.replace(f'"{name}"', f'"{table.name}"')
        text = text.replace(digest, hashlib.sha256(table.read_bytes()).hexdigest())
        tables.append(table)
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return tables
