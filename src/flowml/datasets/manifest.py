"""Manifests: which captures a data set has, where they come from and what their connections are.

Two forms are read. A data set of one origin (the lab's) lists its captures, each with the servers whose
connections it labels. A collection has one table per folder, whose label holds for every connection in it.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowml.errors import DataError

MANIFEST = "manifest.toml"
LAB = "flowml lab"
"""What a manifest names as the source of a recording that the lab made."""


NO_EVASION = "none"


@dataclass(frozen=True)
class ServerTruth:
    """What every connection to one endpoint is, TCP or UDP.

    Attributes
    ----------
    ip : str
    port : int
    is_mining : bool
        A tunnel with a miner among others in it is mining.
    family : str
    carrier : str
        What lies between the protocol and the wire: ``plain``, ``tls``, a proxy, a tunnel.
    origin : str
        The split group.
    evasion, strength : str
        How a miner hides, and how much; ``none`` for all who do not.
    """

    ip: str
    port: int
    is_mining: bool
    family: str
    carrier: str
    origin: str
    evasion: str = NO_EVASION
    strength: str = NO_EVASION


@dataclass(frozen=True)
class LabelledCapture:
    """A capture file and the truth about its connections.

    Attributes
    ----------
    path : Path
    source : str
        Data set or folder it belongs to.
    licence : str
    is_emulated : bool
        The lab made it. Its benign actors were chosen for their likeness to mining.
    may_fit : bool
        Its licence allows a shipped model to be fitted on it.
    sha256 : str or None
        Checksum where the manifest states one.
    is_mining : bool or None
        Truth about every connection of the file; None: `servers` say it.
    servers : tuple of ServerTruth
        Truth by server endpoint; connections to others have no label.
    """

    path: Path
    source: str
    licence: str
    is_emulated: bool
    may_fit: bool
    sha256: str | None
    is_mining: bool | None
    servers: tuple[ServerTruth, ...]

    def verify(self) -> str:
        """Compute the SHA-256 of the file and hold it against the manifest's.

        Raises
        ------
        DataError
            The file is missing or is not the one that the manifest describes.
        """
        try:
            with self.path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror}; its manifest lists it") from error
        if self.sha256 is not None and found != self.sha256:
            raise DataError(
                f"{self.path}: SHA-256 {found[:12]}.. instead of {self.sha256[:12]}.. of its manifest; "
                "record or fetch it again"
            )
        return found


def read_data_set(folder: Path) -> tuple[LabelledCapture, ...]:
    """Read the manifest of a data set or of a collection of folders.

    Parameters
    ----------
    folder : Path
        Holds `manifest.toml` and the captures.

    Raises
    ------
    DataError
        There is no manifest, it cannot be parsed, or a capture has no truth.
    """
    path = folder / MANIFEST
    manifest = read_toml(path, f"a data set is a folder with a {MANIFEST}")
    try:
        return _recorded(folder, manifest) if "captures" in manifest else _collected(folder, manifest)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: missing or malformed entry {error}; see docs/datasets.md") from error


def read_toml(path: Path, expected: str) -> dict[str, Any]:
    """Read a TOML file; DataError that says what was expected if it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; {expected}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML: {error}") from error


def _recorded(folder: Path, manifest: Mapping[str, Any]) -> tuple[LabelledCapture, ...]:
    return tuple(
        LabelledCapture(
            path=folder / capture["file"],
            source=manifest["name"],
            licence=manifest["licence"],
            is_emulated=manifest["source"] == LAB,
            may_fit=True,
            sha256=capture["sha256"],
            is_mining=None,
            servers=tuple(_server(folder, server) for server in capture["servers"]),
        )
        for capture in manifest["captures"]
    )


def _server(folder: Path, server: Mapping[str, Any]) -> ServerTruth:
    names = ("ip", "port", "is_mining", "family", "carrier")
    # recordings of one scenario with different seeds have equal names inside
    origin = f"{folder.name}/{server['origin']}"
    # recordings from before there were evasions say nothing of them
    evades = {name: server.get(name, NO_EVASION) for name in ("evasion", "strength")}
    return ServerTruth(**{name: server[name] for name in names}, origin=origin, **evades)


def _collected(folder: Path, manifest: Mapping[str, Any]) -> tuple[LabelledCapture, ...]:
    foreign = [name for name, entry in manifest.items() if not isinstance(entry, dict)]
    if foreign or not manifest:
        raise KeyError("captures")
    return tuple(
        LabelledCapture(
            path=path,
            source=name,
            licence=entry["licence"],
            is_emulated=False,
            may_fit=entry["use"] == "train",
            sha256=None,
            is_mining={"mining": True, "benign": False}[entry["label"]],
            servers=(),
        )
        for name, entry in manifest.items()
        for path in (sorted((folder / name).iterdir()) if (folder / name).is_dir() else ())
    )
