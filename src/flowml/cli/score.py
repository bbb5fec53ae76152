"""flowml score: capture files in, tagged connections out."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowml.cli.outputs import ScoreOutputs, refuse_overwriting
from flowml.errors import CaptureError
from flowml.sinks.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from flowml.models.bundle import ModelBundle

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True, type=_PATH)
@click.option("--model", metavar="M", help="Folder, models:/NAME@ALIAS or models:/NAME/VERSION.")
@click.option("--connections", metavar="OUT.jsonl", type=_PATH, help="A JSON line for every connection.")
@click.option("--eve", metavar="OUT.json", type=_PATH, help="Alerts as Suricata EVE JSON.")
@click.option("--allow-partial", is_flag=True, help="Score the sound part of damaged captures.")
def score(
    captures: Sequence[Path],
    model: str | None,
    connections: Path | None,
    eve: Path | None,
    allow_partial: bool,
) -> None:
    """Find mining in capture files (pcap, pcapng, .gz, .zst).

    Each capture is judged by itself. One that cannot be read is named on standard error and leaves the others
    alone; the exit code is 2 then.
    """
    from flowml.cli.progress import progress_bar
    from flowml.registry.store import resolve

    refuse_overwriting(captures, connections, eve)
    with ScoreOutputs(connections, eve) as outputs:
        bundle = resolve(model).bundle
        with progress_bar() as progress:
            failures = _score_all(captures, allow_partial, bundle, outputs, progress)
        if len(failures) == len(captures):
            raise failures[0] if len(failures) == 1 else _summed_up(failures, captures)
    outputs.show(sys.stdout)
    if failures:
        raise _summed_up(failures, captures)


def _score_all(
    captures: Sequence[Path],
    allow_partial: bool,
    bundle: "ModelBundle",
    outputs: ScoreOutputs,
    progress: "Progress",
) -> list[CaptureError]:
    """Score one capture after the other; give what went wrong with some of them."""
    failures = []
    task = progress.add_task("", total=len(captures))
    for path in captures:
        progress.update(task, description=f"scoring {printable(path.name)}")
        try:
            with outputs.one_capture():
                _score_one(path, allow_partial, bundle, outputs)
        except CaptureError as error:
            failures.append(error)
            if len(captures) > 1:
                _tell(str(error))
        progress.advance(task)
    return failures


def _score_one(path: Path, allow_partial: bool, bundle: "ModelBundle", outputs: ScoreOutputs) -> None:
    from flowml.capture.census import NOT_IP
    from flowml.capture.files import CaptureFile
    from flowml.capture.settings import MeterSettings
    from flowml.detections.explanation import explain
    from flowml.detections.policy import Policy
    from flowml.flows.connections import ConnectionSettings, ConnectionTable
    from flowml.service.scoring import Metered, conclude

    capture = CaptureFile(path, MeterSettings(), allow_partial=allow_partial)
    table = ConnectionTable(ConnectionSettings())
    source = map(Metered, capture.batches())
    for conclusions in conclude(source, table, bundle.judge, Policy(str(path), explain)):
        outputs.take(conclusions)
    if table.evicted:
        _tell(f"{path}: {table.evicted} connections ended early: more were open than a sensor remembers")
    # every network has ARP in it; what else was left out is worth a line
    if set(capture.report.ignored) - {NOT_IP} or capture.report.notes:
        for line in capture.report.lines():
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
