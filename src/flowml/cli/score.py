"""flowml score: capture files in, tagged connections out."""

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowml.cli.outputs import ScoreOutputs, refuse_overwriting
from flowml.errors import CaptureError
from flowml.sinks.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from flowml.registry.store import ResolvedModel
    from flowml.service.files import FileScoring
    from flowml.service.telling import Wanted
    from flowml.service.workers import SharedScoring

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True, type=_PATH)
@click.option("--model", metavar="M", help="Folder, models:/NAME@ALIAS or models:/NAME/VERSION.")
@click.option("--connections", metavar="OUT.jsonl", type=_PATH, help="A JSON line for every connection.")
@click.option("--eve", metavar="OUT.json", type=_PATH, help="Alerts as Suricata EVE JSON.")
@click.option(
    "-j",
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Processes that score side by side.",
)
@click.option("--allow-partial", is_flag=True, help="Score the sound part of damaged captures.")
def score(
    captures: Sequence[Path],
    model: str | None,
    connections: Path | None,
    eve: Path | None,
    jobs: int,
    allow_partial: bool,
) -> None:
    """Find mining in capture files (pcap, pcapng, .gz, .zst).

    Each capture is judged by itself. One that cannot be read is named on standard error and leaves the others
    alone; the exit code is 2 then. With several jobs, captures are scored side by side, and a single one by
    all of them together; what is told stays the same.
    """
    from flowml.cli.metering import tell_if_slow
    from flowml.cli.progress import progress_bar
    from flowml.registry.store import resolve

    refuse_overwriting(captures, connections, eve)
    tell_if_slow()
    with ScoreOutputs(connections, eve) as outputs:
        scorings = _scorings(captures, resolve(model), outputs.wanted, jobs, allow_partial)
        with progress_bar() as progress, closing(scorings):
            failures = _score_all(captures, scorings, outputs, progress)
        if len(failures) == len(captures):
            raise failures[0] if len(failures) == 1 else _summed_up(failures, captures)
    outputs.show(sys.stdout)
    if failures:
        raise _summed_up(failures, captures)


def _scorings(
    captures: Sequence[Path], model: "ResolvedModel", wanted: "Wanted", jobs: int, allow_partial: bool
) -> Generator["FileScoring | SharedScoring"]:
    """Score every capture, in this process when its turn comes or in others.

    Two jobs share a single capture best as threads: one meters, the other scores.
    """
    meters_ahead = jobs == 2 and len(captures) == 1
    if jobs == 1 or meters_ahead:
        from flowml.service.files import FileScoring

        for path in captures:
            yield FileScoring(
                path, model.bundle, wanted, allow_partial=allow_partial, meters_ahead=meters_ahead
            )
    else:
        from flowml.service.workers import Order, score_shared  # joblib: a tenth of a second

        yield from score_shared(
            captures, Order(jobs, model.folder, model.bundle.digest, wanted, allow_partial)
        )


def _score_all(
    captures: Sequence[Path],
    scorings: "Iterator[FileScoring | SharedScoring]",
    outputs: ScoreOutputs,
    progress: "Progress",
) -> list[CaptureError]:
    """Take what is told of one capture after the other; give what went wrong with some of them."""
    failures = []
    task = progress.add_task("", total=len(captures))
    for path in captures:
        progress.update(task, description=f"scoring {printable(path.name)}")
        try:
            with outputs.one_capture():
                _take(next(scorings), outputs)
        except CaptureError as error:
            failures.append(error)
            if len(captures) > 1:
                _tell(str(error))
        progress.advance(task)
    return failures


def _take(scoring: "FileScoring | SharedScoring", outputs: ScoreOutputs) -> None:
    with closing(scoring.told()) as moments:  # a thread may be at work for it
        for told in moments:
            outputs.take(told)
    for line in scoring.notes():
        _tell(line)


def _tell(line: str) -> None:
    click.echo(f"flowml: {printable(line, 1000)}", err=True)


def _summed_up(failures: Sequence[CaptureError], captures: Sequence[Path]) -> CaptureError:
    if len(failures) == len(captures):
        return CaptureError(f"none of the {len(captures)} captures could be scored; the lines above say why")
    return CaptureError(
        f"{len(failures)} of {len(captures)} captures could not be scored, the lines above say why; "
        "the others are complete"
    )
