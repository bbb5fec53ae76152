"""From what people call a model to a bundle on disk that was checked before a byte of it ran."""

import errno
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import flowml
from flowml.errors import ModelError
from flowml.models.bundle import ModelBundle, load_bundle
from flowml.models.shipped import SHIPPED_DIGEST, SHIPPED_NAME, SHIPPED_VERSION
from flowml.registry.connection import tracking_uri
from flowml.registry.reference import parse_reference
from flowml.registry.tracking import BUNDLE_FOLDER, BUNDLE_PATH
from flowml.registry.versions import ModelRegistry, RegisteredVersion

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ResolvedModel:
    """A model that is on disk and sound.

    Attributes
    ----------
    folder : Path
        Of the bundle. Another process loads it with the digest of `bundle`.
    bundle : ModelBundle
        Loaded from it, with its digest.
    """

    folder: Path
    bundle: ModelBundle


def resolve(model: str | None = None, uri: str | None = None) -> ResolvedModel:
    """Find a model, fetch it if it is registered, check it and load it.

    Parameters
    ----------
    model : str, optional
        ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``, whose digest the registry vouches for; or a
        folder. Without one, the model that came with flowml.
    uri : str, optional
        The MLflow store, see `flowml.registry.connection.tracking_uri`.

    Returns
    -------
    ResolvedModel

    Raises
    ------
    ModelError
        No such model, the registry does not answer, or its bundle is not the one that was registered.
    """
    if model is None:
        folder, digest = shipped_model()
        return ResolvedModel(folder, load_bundle(folder, digest))
    reference = parse_reference(model)
    if isinstance(reference, Path):
        return ResolvedModel(reference, load_bundle(reference))
    registry = ModelRegistry(tracking_uri(uri))
    return fetch(registry, registry.find(reference), cache_folder())


def fetch(registry: ModelRegistry, version: RegisteredVersion, cache: Path) -> ResolvedModel:
    """Give the bundle of a version from the cache, or bring it there.

    Parameters
    ----------
    registry : ModelRegistry
    version : RegisteredVersion
    cache : Path
        Where bundles are kept under their digests. A damaged one is fetched again.

    Raises
    ------
    ModelError
        The version has no digest, or the files that the registry gives do not match it.
    """
    digest = version.require_digest()
    if not _SHA256.fullmatch(digest):  # it becomes a folder's name
        raise ModelError(f"{version.reference}: digest {digest[:80]!r} is not a SHA-256; register it again")
    folder = cache / digest
    try:
        return ResolvedModel(folder, load_bundle(folder, digest))
    except ModelError:
        _download(registry, version, folder)
    return ResolvedModel(folder, load_bundle(folder, digest))


def shipped_model() -> tuple[Path, str]:
    """Folder and digest of the model that came with flowml.

    Raises
    ------
    ModelError
        It is not there.
    """
    # beside the package's source tree, or where an installation keeps data
    homes = (Path(flowml.__file__).parents[2] / "models", Path(sys.prefix) / "share" / "flowml" / "models")
    for home in homes:
        folder = home / SHIPPED_NAME / SHIPPED_VERSION
        if folder.is_dir():
            return folder, SHIPPED_DIGEST
    places = " or ".join(str(home / SHIPPED_NAME / SHIPPED_VERSION) for home in homes)
    raise ModelError(f"no model came with this flowml (looked for {places}); train one, or name one")


def cache_folder() -> Path:
    """Where fetched bundles are kept, as the XDG base directory specification has it."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if Path(given).is_absolute() else Path("~/.cache").expanduser()
    return base / "flowml" / "models"


def _download(registry: ModelRegistry, version: RegisteredVersion, folder: Path) -> None:
    """Bring the bundle of a version to a folder, where it appears only if it is sound."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as scratch:
            registry.download(version, BUNDLE_PATH, Path(scratch))
            fetched = Path(scratch) / BUNDLE_FOLDER
            _check(version, fetched, registry.uri)
            if folder.exists():  # it was damaged, or else nothing would have been fetched
                folder.rename(Path(scratch) / "damaged")
            _settle(fetched, folder)
    except OSError as error:
        raise ModelError(
            f"{folder}: cannot be written: {error.strerror or error}; free space, or choose another place "
            "with XDG_CACHE_HOME"
        ) from error


def _settle(fetched: Path, folder: Path) -> None:
    try:
        fetched.rename(folder)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # another process was faster, with the same
            raise


def _check(version: RegisteredVersion, fetched: Path, uri: str) -> None:
    try:
        load_bundle(fetched, version.require_digest())
    except ModelError as error:
        raise ModelError(f"{version.reference}: refused what {uri} gave: {error}") from error
