"""What a person reads in a terminal: a line for an alert, a table of tagged connections."""

from collections.abc import Iterator, Sequence
from typing import IO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flowml.detections.alert import Alert, ConnectionVerdict
from flowml.detections.event import SensorEvent
from flowml.flows.key import host_port
from flowml.sinks.text import iso_utc, printable

PIPE_CHARS = 400  # width where no terminal says one: wide enough that no row is folded
_HEADINGS = ("client", "server", "start (UTC)", "lasted", "tagged", "sure", "seen as", "file")
_NUMBERS, _NARROW = 3, 6  # the columns from which on there are numbers, and names
_EXPLANATION_CHARS = 400
_UNNAMED = "Unknown"  # nDPI's name for what it does not know


class PlainConsole(Console):
    """A rich console that takes no text for markup and lets a closed pipe be what it is."""

    def __init__(self, file: IO[str]) -> None:
        is_terminal = file.isatty()
        super().__init__(
            file=file,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            no_color=not is_terminal,
            width=None if is_terminal else PIPE_CHARS,
        )

    def on_broken_pipe(self) -> None:
        """Let the command line end quietly, instead of with rich's exit code 1."""
        raise  # noqa: PLE0704  # rich calls this while it handles the BrokenPipeError


class ConsoleLog:
    """Alerts as lines, one each.

    Parameters
    ----------
    console : Console
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Print a line for each alert."""
        for alert in alerts:
            self._console.print(alert_line(alert), soft_wrap=True)

    def report(self, event: SensorEvent) -> None:
        """Print a line."""
        self._console.print(event_line(event), soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it is."""


def alert_line(alert: Alert) -> Text:
    """Say in one line who mines, how sure that is, and why."""
    verdict = alert.verdict
    delay = "" if verdict.detected_after_s is None else f" {verdict.detected_after_s:.0f} s after its start"
    parts: list[str | tuple[str, str]] = [
        f"{iso_utc(alert.raised_ms)} ",
        ("MINING", "bold red"),
        f" {_ends(verdict)}{delay}, probability {verdict.probability:.3f}, novelty {verdict.novelty:.2f}",
    ]
    name = _name(verdict)
    if name:
        parts.append(f", {name}")
    if alert.explanation:
        parts.append(
            (": " + printable(" ".join(said.text for said in alert.explanation), _EXPLANATION_CHARS), "dim")
        )
    return Text.assemble(*parts)


def event_line(event: SensorEvent) -> Text:
    """Say in one line what happened to the sensor."""
    kind = (event.kind.value.upper(), "bold yellow")
    return Text.assemble(
        f"{iso_utc(event.time_ms)} ", kind, " " + printable(event.message, _EXPLANATION_CHARS)
    )


def tagged_table(verdicts: Sequence[ConnectionVerdict]) -> Table:
    """Make the table of tagged connections, in the order of their beginning.

    ``tagged`` is when, after the first packet; ``sure`` is the probability. The columns fit into 80
    characters for most IPv4 addresses; the file is told where there are several.
    """
    rows = _rows(verdicts)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold underline")
    for number, name in enumerate(_HEADINGS[:_NARROW]):
        # where the terminal is narrow, the names at the right give way and these do not
        width = max(len(name), *(len(row[number]) for row in rows))
        table.add_column(name, justify="right" if number >= _NUMBERS else "left", min_width=width)
    for name in _HEADINGS[_NARROW : len(rows[0])]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def tagged_lines(verdicts: Sequence[ConnectionVerdict]) -> Iterator[str]:
    """Write the same table as plain lines, for files and pipes: rich takes half a millisecond a row."""
    rows = _rows(verdicts)
    lines = [_HEADINGS[: len(rows[0])], *rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padding = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        yield " ".join(
            f"{space}{cell}" if _NUMBERS <= number < _NARROW else f"{cell}{space}"
            for number, (cell, space) in enumerate(zip(line, padding, strict=True))
        )


def _rows(verdicts: Sequence[ConnectionVerdict]) -> list[tuple[str, ...]]:
    """Cells in the order of the connections' beginning; without files if there is only one."""
    columns = len(_HEADINGS) - (len({verdict.source for verdict in verdicts}) == 1)
    return [_cells(verdict)[:columns] for verdict in sorted(verdicts, key=lambda verdict: verdict.start_ms)]


def _cells(verdict: ConnectionVerdict) -> tuple[str, ...]:
    key, after = verdict.key, verdict.detected_after_s
    return (
        host_port(key.client_ip, key.client_port),
        host_port(key.server_ip, key.server_port),
        iso_utc(verdict.start_ms)[5:19].replace("T", " "),
        f"{(verdict.end_ms - verdict.start_ms) / 1000:.0f} s",
        "" if after is None else f"{after:.0f} s",
        f"{verdict.probability:.3f}",
        _name(verdict),
        printable(verdict.source),
    )


def _ends(verdict: ConnectionVerdict) -> str:
    key = verdict.key
    return f"{host_port(key.client_ip, key.client_port)} -> {host_port(key.server_ip, key.server_port)}"


def _name(verdict: ConnectionVerdict) -> str:
    application = "" if verdict.application_name == _UNNAMED else verdict.application_name
    return " ".join(filter(None, (printable(application), printable(verdict.server_name))))
