"""Which model judges: a folder, a reference to the registry, or the one that is installed with flowml."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowml.models.bundle import ModelBundle


def load_model(reference: str | None) -> "ModelBundle":
    """Load the model that `reference` means.

    Parameters
    ----------
    reference : str or None
        ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, a folder, or None for the installed model.

    Raises
    ------
    ModelError
        There is no such model, or it is not what was registered.
    """
    from flowml.models.bundle import load_bundle

    return load_bundle(Path(str(reference)))
