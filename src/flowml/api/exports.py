"""Incidents as CSV, for spreadsheets that take some texts for commands."""

import csv
import io
from collections.abc import Iterable

from flowml.api.rendering import harmless
from flowml.detections.incident import Incident
from flowml.sinks.text import iso_utc

COLUMNS = (
    "number", "state", "host", "name", "server", "owner", "hosts_of_server", "alerts", "probability",
    "first_seen", "last_seen",
)  # fmt: skip
_COMMANDS = ("=", "+", "-", "@", "\t", "\r")  # what OWASP lists of formula injection


def csv_text(incidents: Iterable[Incident]) -> str:
    """Write a header and a line for each incident (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(
        (
            line.number, line.state, *map(_cell, (line.host, line.name, line.server, line.owner)),
            line.hosts_of_server, line.alerts, f"{line.probability:.6f}",
            iso_utc(line.first_seen_ms), iso_utc(line.last_seen_ms),
        )
        for line in incidents
    )  # fmt: skip
    return text.getvalue()


def _cell(text: str) -> str:
    """Put a mark before what a spreadsheet would run; it shows the mark and runs nothing."""
    shown = str(harmless(text))
    return f"'{shown}" if shown.startswith(_COMMANDS) else shown
