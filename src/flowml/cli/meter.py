"""flowml meter: capture files become one table of flow records."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from flowml.flows.batch import FlowBatch


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FLOWS.parquet",
    required=True,
    type=click.Path(path_type=Path),
    help="Parquet file to write; appears only when it is whole.",
)
@click.option(
    "--allow-partial", is_flag=True, help="Meter the sound part of damaged captures instead of refusing them."
)
def meter(captures: Sequence[Path], output: Path, allow_partial: bool) -> None:
    """Meter capture files (pcap, pcapng, .gz, .zst) into one Parquet table of flow records.

    Standard error tells, for each file, how many packets were in it, how many were metered, and why the
    others were not.
    """
    from flowml.capture.extension import extension
    from flowml.capture.settings import MeterSettings
    from flowml.cli.metering import tell_if_slow
    from flowml.datasets.store import write_flows

    settings = MeterSettings()
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    described = {**settings.describe(), "meter": "flowml" if extension() else "nfstream"}
    tell_if_slow()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        batches = _batches(captures, allow_partial, progress)
        records = write_flows(output, batches, described)
    console.print(f"{output}: {records} records")


def _batches(captures: Sequence[Path], allow_partial: bool, progress: Progress) -> Iterator[FlowBatch]:
    from flowml.capture.files import CaptureFile
    from flowml.capture.settings import MeterSettings

    task = progress.add_task("", total=None)
    records = flows = 0
    for number, path in enumerate(captures, start=1):
        capture = CaptureFile(path, MeterSettings(), allow_partial=allow_partial)
        for batch in capture.batches(first_uid=flows):
            yield batch
            records += len(batch)
            progress.update(task, description=f"{number} of {len(captures)}: {path.name}, {records} records")
        flows += capture.report.flows
        for line in capture.report.lines():
            progress.console.print(line, markup=False)
