"""What flowml score writes and shows."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import click

from flowml.detections.verdict import Label
from flowml.errors import CaptureError
from flowml.service.tally import Tally
from flowml.sinks.connections import connection_line
from flowml.sinks.console import PlainConsole, tagged_table
from flowml.sinks.eve import eve_line
from flowml.sinks.files import WholeFile

if TYPE_CHECKING:
    from flowml.detections.alert import ConnectionVerdict
    from flowml.detections.policy import Conclusions


def refuse_overwriting(captures: Sequence[Path], *outputs: Path | None) -> None:
    """Refuse outputs that would replace a capture or each other.

    Raises
    ------
    click.UsageError
        Two of the paths mean the same file.
    """
    taken = {path.resolve() for path in captures}
    for output in filter(None, outputs):
        if output.resolve() in taken:
            raise click.UsageError(f"{output} would be overwritten; name another output")
        taken.add(output.resolve())


class ScoreOutputs:
    """The files of a run, which appear at its end or not at all, and what is shown of it.

    Parameters
    ----------
    connections, eve : Path or None
        Files that were asked for.
    """

    def __init__(self, connections: Path | None, eve: Path | None) -> None:
        self._wanted = (connections, eve)
        self._files = ExitStack()
        self._connections: WholeFile | None = None
        self._eve: WholeFile | None = None
        self._tally = Tally()
        self._tagged: list[ConnectionVerdict] = []

    def __enter__(self) -> Self:
        with ExitStack() as files:
            self._connections, self._eve = (
                None if path is None else files.enter_context(WholeFile(path)) for path in self._wanted
            )
            self._files = files.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    @contextmanager
    def one_capture(self) -> Iterator[None]:
        """Take back what was taken inside the block if the capture turns out to be unreadable."""
        files = [file for file in (self._connections, self._eve) if file is not None]
        marks = [file.mark() for file in files]
        tally, tagged = self._tally, len(self._tagged)
        self._tally = Tally()
        try:
            yield
        except CaptureError:
            for file, mark in zip(files, marks, strict=True):
                file.rewind(mark)
            del self._tagged[tagged:]
            self._tally = tally
            raise
        tally.merge(self._tally)
        self._tally = tally

    def take(self, conclusions: "Conclusions") -> None:
        """Write conclusions down."""
        self._tally.add(conclusions)
        self._tagged += [verdict for verdict in conclusions.ended if verdict.label is Label.MINING]
        if self._connections is not None:
            for verdict in conclusions.ended:
                self._connections.write(connection_line(verdict))
        if self._eve is not None:
            for alert in conclusions.alerts:
                self._eve.write(eve_line(alert))

    def show(self, file: IO[str]) -> None:
        """Print the table of tagged connections and the figures of the run."""
        console = PlainConsole(file)
        if self._tagged:
            console.print(tagged_table(self._tagged), soft_wrap=False)
        console.print(str(self._tally))
