"""How the sensor of a configuration judges, for commands that ask about it."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowml.config.reader import Settings
    from flowml.registry.store import ResolvedModel


@dataclass(frozen=True)
class Judging:
    """How a sensor judges.

    Attributes
    ----------
    model : str or None
        None: the one that came with flowml.
    threshold : float or None
        None: the model's own.
    """

    model: str | None = None
    threshold: float | None = None

    def options(self, folder: Path) -> list[str]:
        """Options of `flowml live`; a configuration of its own goes into the folder."""
        config = folder / "flowml.toml"
        config.write_text("" if self.threshold is None else f"[models]\nthreshold = {self.threshold}\n")
        return ["--config", str(config), *(["--model", self.model] if self.model else [])]


def judging_of(config: Path) -> Judging:
    """How the sensor of a configuration judges."""
    from flowml.config.reader import read_settings
    from flowml.models.pointer import CHAMPION, pointer_path, read_pointer

    settings = read_settings(config)
    model = settings.live.model
    if settings.models.folder is not None:
        pointer = read_pointer(pointer_path(settings.models.folder, CHAMPION))
        model = model if pointer is None else str(pointer.folder)
    return Judging(model, settings.models.threshold)


def first_model(settings: "Settings") -> "ResolvedModel":
    """Load what a sensor starts with: the champion that was deployed, so that it needs no registry.

    What `live.model` names is for a sensor that has no champion yet, or none that can be used; the watch over
    the models tells that.
    """
    from flowml.errors import ModelError
    from flowml.models.bundle import load_bundle
    from flowml.models.pointer import CHAMPION, pointer_path, read_pointer
    from flowml.registry.store import ResolvedModel, resolve

    folder = settings.models.folder
    with suppress(ModelError):
        pointer = None if folder is None else read_pointer(pointer_path(folder, CHAMPION))
        if pointer is not None:
            return ResolvedModel(pointer.folder, load_bundle(pointer.folder, pointer.digest))
    return resolve(settings.live.model)
