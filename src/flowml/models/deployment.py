"""A bundle put to work: copied to where the sensor reads it, checked there, then pointed to."""

import shutil
from pathlib import Path

from flowml.errors import ModelError
from flowml.models.bundle import load_bundle
from flowml.models.pointer import Pointer, pointer_path, write_pointer


def deploy(bundle: Path, digest: str, folder: Path, role: str) -> Pointer:
    """Copy a bundle into a folder of models and let a role point to it.

    Parameters
    ----------
    bundle : Path
    digest : str
        Of the bundle: the copy is held against it.
    folder : Path
        Which a sensor looks into.
    role : str

    Returns
    -------
    Pointer

    Raises
    ------
    ModelError
        It cannot be copied, or the copy is not what it should be.
    """
    home = folder / digest
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not home.exists():
            unfinished = folder / f".{digest}.part"
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(bundle, unfinished)
            unfinished.replace(home)
    except OSError as error:
        raise ModelError(f"{home}: cannot be written: {error.strerror or error}") from error
    load_bundle(home, digest)  # what the sensor would refuse must not be pointed to
    pointer = Pointer(home, digest)
    write_pointer(pointer_path(folder, role), pointer)
    return pointer
