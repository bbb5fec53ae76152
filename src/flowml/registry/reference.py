"""Model references as people write them: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, or a folder."""

import re
from dataclasses import dataclass
from pathlib import Path

from flowml.errors import ModelError

SCHEME = "models:/"
# A name may hold anything that MLflow's own does not use to separate its parts.
_REGISTERED = re.compile(r"models:/(?P<name>[^/@:]+)(?:@(?P<alias>[\w.-]+)|/(?P<version>[1-9]\d*))")


@dataclass(frozen=True)
class RegisteredReference:
    """A model in the registry, by alias or by version.

    Attributes
    ----------
    name : str
        Of the registered model.
    alias : str or None
        Such as ``champion``; None if a version is named.
    version : int or None
        None if an alias is named.
    """

    name: str
    alias: str | None = None
    version: int | None = None

    def __post_init__(self) -> None:
        if (self.alias is None) == (self.version is None):
            raise ValueError(f"expected an alias or a version, got {self.alias} and {self.version}")

    def __str__(self) -> str:
        tail = f"@{self.alias}" if self.alias is not None else f"/{self.version}"
        return f"{SCHEME}{self.name}{tail}"


def parse_reference(text: str) -> RegisteredReference | Path:
    """Tell a model in the registry from a folder.

    Parameters
    ----------
    text : str
        What was given as a model.

    Returns
    -------
    RegisteredReference or Path

    Raises
    ------
    ModelError
        It begins like a reference to a registry and is none.
    """
    if not text.startswith("models:"):
        return Path(text)
    match = _REGISTERED.fullmatch(text)
    if match is None:
        raise ModelError(
            f"{text}: not a model; expected models:/NAME@ALIAS, models:/NAME/VERSION or a folder"
        )
    version = match["version"]
    return RegisteredReference(match["name"], match["alias"], int(version) if version else None)
