"""flowml selftest: a miner of each family on a private tap, and whether the sensor sees it."""

import json
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from flowml.cli.mining_test import Result


@click.command()
@click.option("--model", metavar="M", help="Folder, models:/NAME@ALIAS or models:/NAME/VERSION.")
@click.option(
    "--duration",
    "duration_s",
    type=click.FloatRange(min=30, max=600),
    default=120,
    show_default=True,
    help="Seconds of mining.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of everything drawn.")
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Of the sensor: its model is tested.",
)
@click.option("--record", is_flag=True, help="Write the outcome into the sensor's health (needs --config).")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
def selftest(config_file: Path | None, record: bool, as_json: bool, **options: Any) -> None:
    """Mine on a tap in namespaces of its own, as root, and say of each family whether it was seen.

    Packets take the road of real ones: interface, capture process, meter, model, alert. Exit code 1 if any
    family was missed.
    """
    from flowml.cli.mining_test import mine

    if record and config_file is None:
        raise click.UsageError("--record needs --config: the state folder is named there")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # takes the network down
    with TemporaryDirectory(prefix="flowml-selftest-") as folder:
        results = mine(Path(folder), config=config_file, **options)
    if as_json:
        click.echo(json.dumps([result.facts() for result in results], indent=1))
    else:
        click.echo("\n".join(map(str, results)))
    if config_file is not None and record:
        _record(config_file, results)
    if not all(result.seen for result in results):
        sys.exit(1)


def _record(config_file: Path, results: "list[Result]") -> None:
    import time

    from flowml.cli.stored import open_state
    from flowml.incidents.telemetry import record_check
    from flowml.service.health import BAD, OK

    missed = [result.family for result in results if not result.seen]
    words = f"all {len(results)} families were seen" if not missed else f"not seen: {', '.join(missed)}"
    with open_state(config_file) as store:
        record_check(store, BAD if missed else OK, words, int(time.time() * 1000))
