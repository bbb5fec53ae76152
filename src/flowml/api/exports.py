"""Incidents as CSV, for spreadsheets that take some texts for commands."""

import csv
import io
from collections.abc import Iterable, Iterator

from flowml.api.answers import IncidentLine
from flowml.api.rendering import harmless
from flowml.sinks.text import iso_utc

COLUMNS = (
    "number", "state", "host", "name", "server", "owner", "hosts_of_server", "alerts", "probability",
    "first_seen", "last_seen",
)  # fmt: skip
_COMMANDS = ("=", "+", "-", "@", "\t", "\r")  # what OWASP lists of formula injection


def csv_lines(incidents: Iterable[IncidentLine]) -> Iterator[str]:
    """Write a header and a line for each incident (RFC 4180)."""
    yield _line(COLUMNS)
    for line in incidents:
        yield _line(
            (
                line.number, line.state, line.host, line.name, line.server, line.owner,
                line.hosts_of_server, line.alerts, f"{line.probability:.6f}",
                iso_utc(line.first_seen_ms), iso_utc(line.last_seen_ms),
            )
        )  # fmt: skip


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([_cell(cell) for cell in cells])
    return text.getvalue()


def _cell(value: object) -> object:
    """Put a mark before what a spreadsheet would run; it shows the mark and runs nothing."""
    text = harmless(value)
    return f"'{text}" if isinstance(text, str) and text.startswith(_COMMANDS) else text
