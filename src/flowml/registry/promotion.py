"""Aliases that move: promote a version, and go back to the one before.

Which versions an alias has pointed to before is kept as a tag of the registered model, newest last. It is
written before the alias moves when going on, and after it when going back: an interruption in between leaves
the present version as the newest of the history, which is passed over.
"""

import json

from flowml.errors import ModelError
from flowml.registry.reference import RegisteredReference
from flowml.registry.versions import ModelRegistry, RegisteredVersion

HISTORY_TAG = "flowml.history."
KEPT_HISTORY = 50
"""Steps back that are remembered: far more than anybody takes, and short enough for a tag."""


def promote(registry: ModelRegistry, version: RegisteredVersion, alias: str) -> None:
    """Let an alias point to a version, and remember where it pointed before.

    Parameters
    ----------
    registry : ModelRegistry
    version : RegisteredVersion
    alias : str
        Letters, digits, ``_`` and ``-``.

    Raises
    ------
    ModelError
        The version has no digest, so nobody could load it; or the registry refuses the alias.
    """
    version.require_digest()
    before = registry.aliases(version.name).get(alias)
    if before == version.version:
        return
    if before is not None:
        _remember(registry, version.name, alias, [*_history(registry, version.name, alias), before])
    registry.set_alias(version, alias)


def rollback(registry: ModelRegistry, name: str, alias: str) -> RegisteredVersion:
    """Let an alias point to the version it pointed to before.

    Parameters
    ----------
    registry : ModelRegistry
    name : str
        Of the registered model.
    alias : str

    Returns
    -------
    RegisteredVersion
        Where it points now.

    Raises
    ------
    ModelError
        There is nothing to go back to, or that version is gone.
    """
    history = _history(registry, name, alias)
    if not history:
        raise ModelError(
            f"models:/{name}@{alias}: has not pointed to another version before; promote the one you want: "
            f"flowml models promote VERSION --alias {alias}"
        )
    reference = RegisteredReference(name, version=history[-1])
    registry.set_alias(registry.find(reference), alias)
    _remember(registry, name, alias, history[:-1])
    return registry.find(reference)


def _history(registry: ModelRegistry, name: str, alias: str) -> list[int]:
    """The versions before the present one, newest last."""
    text = registry.tags(name).get(HISTORY_TAG + alias, "[]")
    try:
        history = [int(version) for version in json.loads(text)]
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(
            f"models:/{name}: tag {HISTORY_TAG}{alias} is {text[:80]!r}, expected a list of version numbers; "
            f"delete the tag, then promote the version you want"
        ) from error
    present = registry.aliases(name).get(alias)
    while history and history[-1] == present:
        history.pop()
    return history


def _remember(registry: ModelRegistry, name: str, alias: str, history: list[int]) -> None:
    registry.set_tag(name, HISTORY_TAG + alias, json.dumps(history[-KEPT_HISTORY:]))
