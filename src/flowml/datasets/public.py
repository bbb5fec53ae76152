"""Public captures: where others keep them, and by which checksums they are known."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from flowml.datasets.manifest import MANIFEST, read_toml
from flowml.errors import DataError
from flowml.whole_files import unfinished_beside

_SCHEMES = frozenset({"http", "https"})
_TOLD = ("label", "use", "licence", "source", "content")


@dataclass(frozen=True)
class PublicFile:
    """One capture of a public source.

    Attributes
    ----------
    name : str
    url : str
    sha256 : str
        64 hexadecimal digits.
    """

    name: str
    url: str
    sha256: str

    def verify(self, path: Path) -> None:
        """Raise DataError unless the bytes at a path are this file's."""
        try:
            with path.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from error
        if found != self.sha256:
            raise DataError(
                f"{path}: SHA-256 {found[:12]}.. instead of {self.sha256[:12]}..: not the file that was "
                "listed, but another version or a damaged one; remove it or choose another folder"
            )


@dataclass(frozen=True)
class PublicSource:
    """A folder of captures that others made.

    Attributes
    ----------
    name : str
        Folder in a collection.
    about : mapping of str to str
        What a collection's manifest says of the folder: label, use, licence, source, content.
    files : tuple of PublicFile
        As they were fitted on.
    is_public : bool
        The source has them so; otherwise they were cut, and are taken from a folder.
    """

    name: str
    about: Mapping[str, str]
    files: tuple[PublicFile, ...]
    is_public: bool


def read_public(path: Path) -> tuple[PublicSource, ...]:
    """Read the list of public sources.

    Raises
    ------
    DataError
        It is missing, no TOML, or an entry is not what it should be.
    """
    listed = read_toml(path, "name the list of public sources")
    try:
        return tuple(_source(name, entry) for name, entry in listed.items())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: missing or malformed entry {error}; see docs/datasets.md") from error


def _source(name: str, entry: Mapping[str, Any]) -> PublicSource:
    base, checksums = str(entry.get("url", "")), dict(entry["files"])
    _require_plain_names([name, *checksums])
    if base and urlsplit(base).scheme not in _SCHEMES:
        raise ValueError(f"url of {name} (http or https is expected)")
    files = (
        PublicFile(file, base + quote(file), _digest(file, sha256)) for file, sha256 in checksums.items()
    )
    about = {key: str(entry[key]) for key in _TOLD}
    return PublicSource(name, about, tuple(files), is_public=bool(base))


def _require_plain_names(names: Sequence[str]) -> None:
    """A list from elsewhere must not choose where its files go."""
    for name in names:
        if Path(name).name != name or name.startswith("."):
            raise ValueError(f"{name!r} (a bare file name is expected)")


def _digest(file: str, sha256: object) -> str:
    if not isinstance(sha256, str) or len(bytes.fromhex(sha256)) != 32:
        raise ValueError(f"checksum of {file} (64 hexadecimal digits are expected)")
    return sha256.lower()


def check(source: PublicSource, folder: Path) -> int:
    """Hold the captures of a folder against their checksums; how many of the listed ones are there.

    Parameters
    ----------
    source : PublicSource
    folder : Path
        The collection, which has a folder of the source's name.

    Raises
    ------
    DataError
        One of them is another file.
    """
    there = [file for file in source.files if (folder / source.name / file.name).exists()]
    for file in there:
        file.verify(folder / source.name / file.name)
    return len(there)


def write_collection(folder: Path, sources: Sequence[PublicSource]) -> Path:
    """Write the manifest with which a folder of fetched sources is a collection; its path."""
    lines = [
        "\n".join([f"[{source.name}]", *(f"{key} = {_text(words)}" for key, words in source.about.items())])
        for source in sources
    ]
    path = folder / MANIFEST
    with unfinished_beside(path) as unfinished:
        unfinished.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
        return unfinished.replace(path)


def _text(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
