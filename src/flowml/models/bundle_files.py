"""The files of a bundle: which there are, their checksums, and the digest of the list of those."""

import hashlib
from pathlib import Path

from flowml.errors import ModelError

ESTIMATORS, FACTS, CARD, SUMS = "estimators.skops", "bundle.json", "card.md", "SHA256SUMS"


def bundle_digest(folder: Path) -> str:
    """SHA-256 of a bundle's list of checksums: what a registry or a configuration pins.

    Raises
    ------
    ModelError
        There is no such list.
    """
    return hashlib.sha256(read(folder / SUMS)).hexdigest()


def verified(folder: Path, sums: bytes) -> dict[str, bytes]:
    """Read every listed file and hold it against its checksum; the same bytes are used afterwards."""
    contents = {}
    for line in sums.decode(errors="replace").splitlines():
        expected, _, name = line.partition("  ")
        if name not in (ESTIMATORS, FACTS, CARD):
            raise ModelError(f"{folder / SUMS}: lists {name!r}, which is no file of a bundle")
        contents[name] = read(folder / name)
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise ModelError(
                f"{folder / name}: does not match its checksum: changed or damaged; fetch it again"
            )
    missing = sorted({ESTIMATORS, FACTS, CARD} - set(contents))
    if missing:
        raise ModelError(f"{folder / SUMS}: does not list {', '.join(missing)}: not a complete bundle")
    return contents


def read(path: Path) -> bytes:
    """Read a file of a bundle."""
    try:
        return path.read_bytes()
    except OSError as error:
        parts = f"{ESTIMATORS}, {FACTS}, {CARD} and {SUMS}"
        raise ModelError(f"{path}: {error.strerror or error}; a model is a folder with {parts}") from error


def sha256(path: Path) -> str:
    """Checksum of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def remove(folder: Path) -> None:
    """Remove a folder and what belongs to a bundle in it."""
    for name in (ESTIMATORS, FACTS, CARD, SUMS):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()
