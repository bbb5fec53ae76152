"""Files that appear under their name only when they are complete."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def unfinished_beside(path: Path) -> Iterator[Path]:
    """Give a name in a file's folder for what shall replace it, and remove what still has it in the end.

    Parameters
    ----------
    path : Path
        The file. It need not exist, nor does its folder.

    Yields
    ------
    Path
        To be written, and then renamed to `path`. Nobody else is given the same, so several processes and
        threads may write one file, and the last of them has it.
    """
    unfinished = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        yield unfinished
    finally:
        with suppress(OSError):  # it has its name, was never made, or there is no folder that could hold it
            unfinished.unlink()
