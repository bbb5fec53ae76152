"""What the scorer hears of a source: its records, and what becomes of it."""

from dataclasses import dataclass

from flowml.service.scoring import Metered
from flowml.service.wire import Counted


@dataclass(frozen=True)
class Interrupted:
    """Packets are missing from now on; the process is started again.

    Attributes
    ----------
    reason : str
        A sentence that names the source.
    """

    reason: str


@dataclass(frozen=True)
class Resumed:
    """Packets are coming again.

    Attributes
    ----------
    gap_s : float
        Seconds since the last sign of life before; packets of that time may be missing.
    """

    gap_s: float


@dataclass(frozen=True)
class Closed:
    """The source is gone; another of its name will be a new one.

    Attributes
    ----------
    reason : str
        A sentence that names the source.
    """

    reason: str


@dataclass(frozen=True)
class Told:
    """What one source told, or what became of it."""

    source: str
    what: Metered | Counted | Interrupted | Resumed | Closed
