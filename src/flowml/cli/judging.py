"""How the sensor of a configuration judges, for commands that ask about it."""

from dataclasses import dataclass
from pathlib import Path


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
