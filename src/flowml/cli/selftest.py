"""flowml selftest: a miner of each family, and whether the sensor sees it."""

import json
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from flowml.cli.config_file import config_option

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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
@config_option("Of the sensor: its model is tested.")
@click.option(
    "--record",
    is_flag=True,
    help="Write the outcome into the sensor's health, and a failure into an incident (needs --config).",
)
@click.option(
    "--in-process",
    is_flag=True,
    help="Mine in this process, without a network; always so where flowml is not run as root.",
)
@click.option(
    "--known-missed",
    "known",
    metavar="FAMILY",
    multiple=True,
    help="A family that the model is known to miss: tried and told, and no failure. Once or several times.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
def selftest(
    config_file: Path | None,
    model: str | None,
    record: bool,
    in_process: bool,
    known: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Let pools and miners of each family speak, and say of each family whether it was seen.

    As root they mine on a tap in namespaces of its own, and packets take the road of real ones: interface,
    capture process, meter, model, alert. Otherwise they speak within this process, which takes seconds, and
    the sensor reads the packets from a capture. Exit code 1 if any family was missed that is
    not known for it.
    """
    from flowml.cli.judging import Judging, judging_of
    from flowml.cli.mining_test import check_families, mine

    check_families(known)
    if record and config_file is None:
        raise click.UsageError("--record needs --config: the state folder is named there")
    judging = Judging() if config_file is None else judging_of(config_file)
    judging = judging if model is None else replace(judging, model=model)
    without_network = in_process or os.geteuid() != 0
    with TemporaryDirectory(prefix="flowml-selftest-") as folder:
        results = mine(Path(folder), judging, in_process=without_network, **options)
    if as_json:
        click.echo(json.dumps([result.facts() for result in results], indent=1))
    else:
        where = "in this process, without a network" if without_network else "on a tap of its own"
        click.echo("\n".join([*map(str, results), f"mined {where}"]))
    if config_file is not None and record:
        _record(config_file, results, known)
    if _missed(results, known):
        raise click.exceptions.Exit(1)


def _missed(results: "Iterable[Result]", known: "Collection[str]") -> "list[Result]":
    """Those that were not seen and should have been."""
    return [result for result in results if not result.seen and result.family not in known]


def _record(config_file: Path, results: "list[Result]", known: "Collection[str]") -> None:
    import time

    from flowml.cli.stored import open_state
    from flowml.detections.sentence import say
    from flowml.incidents.blindness import record_blindness
    from flowml.incidents.telemetry import record_check
    from flowml.service.health import BAD, OK
    from flowml.service.health_words import HEALTH

    missed = _missed(results, known)
    unseen = ", ".join(f"{it.family} ({it.probability:.2f})" for it in missed or results if not it.seen)
    if missed:
        said = say(HEALTH, "checked.selftest", missed=unseen)
    elif unseen:
        said = say(HEALTH, "checked.selftest_known", missed=unseen)
    else:
        said = say(HEALTH, "checked.selftest_ok", families=len(results))
    now_ms = int(time.time() * 1000)
    with open_state(config_file) as store:
        record_check(store, BAD if missed else OK, said, now_ms)
        record_blindness(store, said.text, is_blind=bool(missed), now_ms=now_ms)
