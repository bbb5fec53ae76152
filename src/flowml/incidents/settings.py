"""What the sensor is told about incidents by its configuration: names, and how long they are kept."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class IncidentSettings:
    """How hosts get their names, and how long incidents are kept.

    Attributes
    ----------
    names_csv : Path or None
        Lines of address and name; read at the start.
    reverse_dns : bool
        Ask the resolver for names of hosts that the file does not know. Off: no query ever leaves.
    keep_days : int
        Incidents that are finished are kept for so long after they were seen or changed last.
    keep_mib : int
        Room for the database on the disk, MiB; beyond it the oldest alerts go.
    """

    names_csv: Path | None = None
    reverse_dns: bool = False
    keep_days: int = 365
    keep_mib: int = 1024


USUAL = IncidentSettings()
