"""flowml score: capture files in, tagged connections out."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowml.errors import CaptureError
from flowml.sinks.text import printable

if TYPE_CHECKING:
    from flowml.cli.outputs import ScoreOutputs
    from flowml.service.ahead import OpenedAhead
    from flowml.service.files import FileScoring, Order
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
    with _opened_ahead(captures, jobs, allow_partial) as opened:
        from flowml.cli.metering import tell_if_slow
        from flowml.cli.outputs import ScoreOutputs, refuse_overwriting
        from flowml.registry.store import resolve
        from flowml.service.files import Order

        refuse_overwriting(captures, connections, eve)
        tell_if_slow()
        with ScoreOutputs(connections, eve) as outputs:
            order = Order(jobs, resolve(model).bundle, outputs.wanted, allow_partial)
            failures = _score_all(captures, opened, order, outputs)
            if len(failures) == len(captures):
                raise failures[0] if len(failures) == 1 else _summed_up(failures, captures)
        outputs.show(sys.stdout)
    if failures:
        raise _summed_up(failures, captures)


@contextmanager
def _opened_ahead(captures: Sequence[Path], jobs: int, allow_partial: bool) -> Iterator["OpenedAhead | None"]:
    """Open a single capture that several jobs share, from now on; None where there is none to be shared."""
    from flowml.capture.extension import extension

    if jobs == 1 or len(captures) > 1 or not extension():
        yield None
        return
    from flowml.service.ahead import OpenedAhead
    from flowml.signals import held_signals

    with ExitStack() as stack:
        with held_signals():  # one after the thread's start and before what ends it would leave it alone
            opened = OpenedAhead(captures[0], allow_partial=allow_partial)
            stack.enter_context(closing(opened))
        yield opened


@contextmanager
def _scorings(
    captures: Sequence[Path], opened: "OpenedAhead | None", order: "Order"
) -> Iterator["Iterator[FileScoring | SharedScoring]"]:
    """Score every capture, in this process when its turn comes or in several."""
    if order.jobs == 1:
        from flowml.service.files import FileScoring, capture_to_score

        files = (capture_to_score(path, order.allow_partial) for path in captures)
        yield (FileScoring(file, order.bundle, order.wanted) for file in files)
        return
    from flowml.service.workers import score_in_parts, score_side_by_side

    with score_in_parts(opened, order) if opened else score_side_by_side(captures, order) as scorings:
        yield scorings


def _score_all(
    captures: Sequence[Path], opened: "OpenedAhead | None", order: "Order", outputs: "ScoreOutputs"
) -> list[CaptureError]:
    """Take what is told of one capture after the other; give what went wrong with some of them."""
    from flowml.cli.progress import progress_bar  # it has a thread, of which forks must not know

    failures = []
    with _scorings(captures, opened, order) as scorings, progress_bar() as progress:
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


def _take(scoring: "FileScoring | SharedScoring", outputs: "ScoreOutputs") -> None:
    with closing(scoring.told()) as moments:
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
