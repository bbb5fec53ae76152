"""Pointers: small files that say which bundle a sensor uses, and by which digest it is known."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from flowml.errors import ModelError
from flowml.whole_files import unfinished_beside

CHAMPION, CHALLENGER = "champion", "challenger"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Pointer:
    """Which bundle, as the file says.

    Attributes
    ----------
    folder : Path
        Of the bundle.
    digest : str
        That the bundle has to have: it stands outside the bundle's own folder.
    """

    folder: Path
    digest: str


def pointer_path(folder: Path, role: str) -> Path:
    """Where the pointer of a role lies in a folder of models."""
    return folder / f"{role}.toml"


def read_pointer(path: Path) -> Pointer | None:
    """Read a pointer; None if there is no such file.

    Raises
    ------
    ModelError
        It cannot be read or is no pointer.
    """
    try:
        found = tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}; let the sensor's user read it") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"{path}: not TOML: {error}; write it with: flowml models deploy") from error
    folder, digest = found.get("folder"), found.get("digest")
    is_known = isinstance(digest, str) and _SHA256.fullmatch(digest)
    if not isinstance(folder, str) or not folder or not is_known or len(found) > 2:
        raise ModelError(
            f"{path}: expected folder and digest (64 hexadecimal digits) and nothing else; "
            "write it with: flowml models deploy"
        )
    return Pointer(path.parent / folder, str(digest))


def write_pointer(path: Path, pointer: Pointer) -> None:
    """Let a role point to another bundle; what it pointed to before is kept beside it for `revert`.

    Raises
    ------
    ModelError
        The file cannot be written.
    """
    before = None
    if path.exists():
        before = path.read_bytes()
    text = f"folder = {json.dumps(str(pointer.folder))}\ndigest = {json.dumps(pointer.digest)}\n"
    try:
        if before is not None and before != text.encode():
            _replace(_before(path), before)
        _replace(path, text.encode())
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror or error}") from error


def revert(path: Path) -> Pointer:
    """Point to what was pointed to before; doing it twice changes nothing in the end.

    Raises
    ------
    ModelError
        There is nothing to go back to, or it cannot be written.
    """
    before = read_pointer(_before(path))
    if before is None:
        raise ModelError(f"{path}: has not pointed to another bundle before; use: flowml models deploy")
    write_pointer(path, before)
    return before


def _before(path: Path) -> Path:
    return path.with_suffix(".before.toml")


def _replace(path: Path, content: bytes) -> None:
    with unfinished_beside(path) as unfinished:
        unfinished.write_bytes(content)
        unfinished.replace(path)
