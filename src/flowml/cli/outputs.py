"""What flowml score writes and shows."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import click

from flowml.errors import CaptureError
from flowml.service.tally import Tally
from flowml.sinks.console import PlainConsole, tagged_lines, tagged_table
from flowml.sinks.files import WholeFile

if TYPE_CHECKING:
    from flowml.detections.alert import ConnectionVerdict
    from flowml.service.telling import Told, Wanted


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

    @property
    def wanted(self) -> "Wanted":
        """Which lines are written."""
        from flowml.service.telling import Wanted

        connections, eve = self._wanted
        return Wanted(connections is not None, eve is not None)

    def take(self, told: "Told") -> None:
        """Write down what was told."""
        self._tally.merge(told.tally)
        self._tagged += told.tagged
        for file, lines in ((self._connections, told.connections), (self._eve, told.eve)):
            if file is not None:
                for _, line in lines:
                    file.write(line)

    def show(self, file: IO[str]) -> None:
        """Print the table of tagged connections and the figures of the run."""
        console = PlainConsole(file)
        if self._tagged and console.is_terminal:
            console.print(tagged_table(self._tagged), soft_wrap=False)
        elif self._tagged:
            file.writelines(f"{line}\n" for line in tagged_lines(self._tagged))
        console.print(str(self._tally))
