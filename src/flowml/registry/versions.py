"""Versions of registered models. The digest of a version's bundle is a tag, set as the version is made."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowml.errors import ModelError
from flowml.registry.connection import connect, mlflow_errors
from flowml.registry.reference import RegisteredReference

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow.entities.model_registry import ModelVersion, RegisteredModel
    from mlflow.store.entities import PagedList

DIGEST_TAG = "flowml.digest"
BUNDLE_VERSION_TAG = "flowml.bundle_version"


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model.

    Attributes
    ----------
    name : str
    version : int
        Counted by the registry from 1.
    aliases : tuple of str
        What points to it, in alphabetical order.
    digest : str or None
        SHA-256 of its bundle in hexadecimal; None: not registered by flowml.
    bundle_version : str
        The version its maker gave it, empty if none.
    created : datetime
        UTC.
    run_id : str
        The training run it came from, empty if none.
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    digest: str | None
    bundle_version: str
    created: datetime
    run_id: str

    @property
    def reference(self) -> RegisteredReference:
        """How it is named for good; aliases wander."""
        return RegisteredReference(self.name, version=self.version)

    def require_digest(self) -> str:
        """The digest that its bundle must have.

        Raises
        ------
        ModelError
            It has none, so nothing could be checked before it is loaded.
        """
        if self.digest is None:
            raise ModelError(
                f"{self.reference}: has no {DIGEST_TAG} tag, so its files cannot be checked before they "
                f"are loaded; register it with flowml train"
            )
        return self.digest


class ModelRegistry:
    """The registered models of one MLflow store.

    Parameters
    ----------
    uri : str
        Tracking URI, see `flowml.registry.connection.tracking_uri`.

    Raises
    ------
    ModelError
        There is no such store. Every method raises it, too, where the store does not answer.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client = connect(uri)

    def versions(self, page_size: int = 100) -> list[RegisteredVersion]:
        """All versions of all models, by name, newest first; asked for in pages of a size."""
        with mlflow_errors(self.uri):
            models = {made.name: made for made in _pages(self._client.search_registered_models, page_size)}
            found = _pages(self._client.search_model_versions, page_size)
        made = [_registered(version, models[version.name]) for version in found if version.name in models]
        return sorted(made, key=lambda version: (version.name, -version.version))

    def find(self, reference: RegisteredReference) -> RegisteredVersion:
        """The version that a reference means now.

        Raises
        ------
        ModelError
            No such model, alias or version; the message names those there are.
        """
        model = self._model(reference.name)
        number = reference.version if reference.alias is None else self._pointed_at(reference, model)
        missing = f"{reference}: no such version at {self.uri}; see flowml models list"
        with mlflow_errors(self.uri, missing):
            return _registered(self._client.get_model_version(reference.name, str(number)), model)

    def aliases(self, name: str) -> dict[str, int]:
        """Where each alias of a model points to."""
        return _aliases(self._model(name))

    def tags(self, name: str) -> dict[str, str]:
        """The tags of a model, as opposed to those of its versions."""
        return dict(self._model(name).tags)

    def set_alias(self, version: RegisteredVersion, alias: str) -> None:
        """Let an alias point to a version."""
        with mlflow_errors(self.uri):
            self._client.set_registered_model_alias(version.name, alias, str(version.version))

    def set_tag(self, name: str, tag: str, value: str) -> None:
        """Set a tag of a model."""
        with mlflow_errors(self.uri):
            self._client.set_registered_model_tag(name, tag, value)

    def download(self, version: RegisteredVersion, path: str, folder: Path) -> Path:
        """Copy one file or folder of a version to a local folder, unchecked.

        Parameters
        ----------
        version : RegisteredVersion
        path : str
            Within the files of the version.
        folder : Path
            Where to put it; exists.

        Returns
        -------
        Path
            The copy.
        """
        import mlflow

        with mlflow_errors(self.uri):
            source = self._client.get_model_version_download_uri(version.name, str(version.version))
            copy: str = mlflow.artifacts.download_artifacts(
                artifact_uri=f"{source}/{path}", dst_path=str(folder), tracking_uri=self.uri
            )
        return Path(copy)

    def _model(self, name: str) -> "RegisteredModel":
        missing = f"models:/{name}: no model of that name at {self.uri}; see flowml models list, or train one"
        with mlflow_errors(self.uri, missing):
            return self._client.get_registered_model(name)

    def _pointed_at(self, reference: RegisteredReference, model: "RegisteredModel") -> int:
        aliases = _aliases(model)
        if reference.alias not in aliases:
            there = f"there are: {', '.join(sorted(aliases))}" if aliases else "it has none"
            raise ModelError(
                f"{reference}: no such alias at {self.uri}; {there}; set it with "
                f"flowml models promote VERSION --alias {reference.alias}"
            )
        return aliases[reference.alias]


def _pages(search: "Callable[..., PagedList[Any]]", size: int) -> list[Any]:
    """What a search of MLflow finds, all pages of it."""
    found: list[Any] = []
    token: str | None = None
    while True:
        page = search(max_results=size, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _aliases(model: "RegisteredModel") -> dict[str, int]:
    return {alias: int(version) for alias, version in model.aliases.items()}


def _registered(version: "ModelVersion", model: "RegisteredModel") -> RegisteredVersion:
    number = int(version.version)
    return RegisteredVersion(
        name=version.name,
        version=number,
        aliases=tuple(sorted(alias for alias, target in _aliases(model).items() if target == number)),
        digest=version.tags.get(DIGEST_TAG),
        bundle_version=version.tags.get(BUNDLE_VERSION_TAG, ""),
        created=datetime.fromtimestamp(version.creation_timestamp / 1000.0, UTC),
        run_id=version.run_id or "",
    )
