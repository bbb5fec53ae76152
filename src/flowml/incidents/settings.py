"""What the sensor is told about incidents by its configuration."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class IncidentSettings:
    """How hosts get their names.

    Attributes
    ----------
    names_csv : Path or None
        Lines of address and name; read at the start.
    reverse_dns : bool
        Ask the resolver for names of hosts that the file does not know. Off: no query ever leaves.
    """

    names_csv: Path | None = None
    reverse_dns: bool = False


NO_NAMES = IncidentSettings()
