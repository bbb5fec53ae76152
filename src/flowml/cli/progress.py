"""How far a command is, on standard error, if somebody looks."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)


def progress_bar() -> Progress:
    """Make a progress bar that vanishes at its end, and shows nothing where there is no terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(file=sys.stderr, highlight=False)
    return Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal
    )


def bytes_bar() -> Progress:
    """Make a bar for what comes over a network, with the same manners."""
    columns = (TextColumn("{task.description}", markup=False), DownloadColumn(), TransferSpeedColumn())
    console = Console(file=sys.stderr, highlight=False)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def telling() -> Iterator[Callable[[str], None]]:
    """Give a function that shows what is going on, if somebody looks."""
    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda what: progress.update(task, description=what)
