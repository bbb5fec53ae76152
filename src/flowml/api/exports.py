"""Incidents as CSV, for spreadsheets that take some texts for commands."""

import csv
import io
from collections.abc import Iterable
from functools import cache

from flowml.api.rendering import harmless
from flowml.incidents.asking import ROW_COLUMNS

_COMMANDS = ("=", "+", "-", "@", "\t", "\r")  # what OWASP lists of formula injection


def csv_text(rows: Iterable[tuple[str | int, ...]]) -> str:
    """Write a header and a line for each incident, given as `ROW_COLUMNS` (RFC 4180)."""
    text, cell = io.StringIO(), cache(_cell)  # servers and owners come again and again
    writer = csv.writer(text)
    writer.writerow(ROW_COLUMNS)
    writer.writerows(
        (number, state, cell(host), cell(name), cell(server), cell(owner), *rest)
        for number, state, host, name, server, owner, *rest in rows
    )
    return text.getvalue()


def _cell(text: str) -> str:
    """Put a mark before what a spreadsheet would run; it shows the mark and runs nothing."""
    shown = str(harmless(text))
    return f"'{shown}" if shown.startswith(_COMMANDS) else shown
