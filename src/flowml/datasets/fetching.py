"""Fetching: a file over HTTP that is the one that was meant, however often the connection breaks."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from flowml.datasets.public import PublicFile
from flowml.errors import DataError

_CHUNK_BYTES = 1 << 16
_PARTIAL, _UNSATISFIABLE = 206, 416


@dataclass(frozen=True)
class Patience:
    """How long a source is waited for.

    Attributes
    ----------
    silence_s : float
        Seconds in which nothing comes before a connection counts as broken.
    attempts : int
        Attempts in a row that may bring nothing.
    pause_s : float
        Seconds before the next attempt.
    """

    silence_s: float = 30.0
    attempts: int = 4
    pause_s: float = 2.0


_PATIENT = Patience()


def fetch(
    file: PublicFile,
    folder: Path,
    progress: Callable[[int], None] = lambda _: None,
    patience: Patience = _PATIENT,
) -> Path:
    """Fetch a file into a folder, going on where an earlier attempt ended.

    What has come lies in ``NAME.part``; it becomes ``NAME`` when its checksum is right.

    Parameters
    ----------
    file : PublicFile
    folder : Path
        Is there already.
    progress : callable
        Told how many bytes came.
    patience : Patience

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        The source cannot be reached, has no such file or another one, or the disk does not take it.
    """
    target = folder / file.name
    part = folder / f"{file.name}.part"
    try:
        if target.exists():
            file.verify(target)
            return target
        _fill(part, file, progress, patience)
        try:
            file.verify(part)
        except DataError:
            part.unlink()
            raise
        return part.replace(target)
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}") from error


def _fill(part: Path, file: PublicFile, progress: Callable[[int], None], patience: Patience) -> None:
    """Append to the part until the source says that this is all."""
    vain = 0
    while True:
        before = _size(part)
        try:
            _append(part, file.url, before, progress, patience.silence_s)
        except HTTPError as error:
            raise DataError(
                f"{file.url}: the source answers {error.code} {error.reason}; has it moved?"
            ) from error
        except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
            vain = vain + 1 if _size(part) == before else 0
            if vain >= patience.attempts:
                reason = getattr(error, "reason", None) or error
                raise DataError(
                    f"{file.url}: cannot be fetched: {reason}; is there a network? Run it again to go on, or "
                    "take the captures from a folder"
                ) from error
            time.sleep(patience.pause_s if vain else 0.0)
        else:
            return


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _append(part: Path, url: str, n_there: int, progress: Callable[[int], None], silence_s: float) -> None:
    request = Request(url, headers={"Range": f"bytes={n_there}-"} if n_there else {})  # noqa: S310
    try:
        answer: HTTPResponse = urlopen(request, timeout=silence_s)  # noqa: S310 (read_public knows the schemes)
    except HTTPError as error:
        if error.code == _UNSATISFIABLE and n_there:
            return  # nothing is left behind what is there already; the checksum says whether it is right
        raise
    with answer, part.open("ab" if answer.status == _PARTIAL else "wb") as opened:
        n_expected = answer.length
        n_come = 0
        while chunk := answer.read1(_CHUNK_BYTES):
            opened.write(chunk)
            n_come += len(chunk)
            progress(len(chunk))
    if n_expected is not None and n_come < n_expected:
        raise ConnectionError(f"it broke off after {n_there + n_come} bytes")
