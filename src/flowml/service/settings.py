"""What a live sensor is told by its configuration."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LiveSettings:
    """Where a sensor listens, who judges and where alerts go.

    Attributes
    ----------
    interface : str or None
        Network interface; None: named on the command line.
    model : str or None
        Folder of a model bundle, or a reference to the registry (``models:/NAME@ALIAS``); None: the model
        that is installed with flowml.
    eve : Path or None
        EVE file that alerts are appended to; None: alerts only go to standard output.
    """

    interface: str | None = None
    model: str | None = None
    eve: Path | None = None
