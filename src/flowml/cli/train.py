"""flowml train: labelled data sets become a model bundle, told to MLflow and registered there."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from flowml.cli.progress import telling

if TYPE_CHECKING:
    from flowml.registry.versions import RegisteredVersion
    from flowml.training.experiment import ExperimentSettings, Finished


@click.command()
@click.argument("datasets", metavar="DATASET...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="models/NAME/VERSION",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the model; must not exist, and appears only when it is whole.",
)
@click.option("--name", default="flowml", show_default=True, help="Name of the registered model.")
@click.option("--version", help="Version written into the model; by default the name of the folder.")
@click.option("--no-register", is_flag=True, help="Save the model only, and leave MLflow alone.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of everything that is drawn.")
@click.option(
    "--with-feedback",
    "feedback",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="What people said of incidents, from flowml feedback export; each incident is one more origin.",
)
@click.option("--tracking-uri", metavar="URI", help="MLflow store; else MLFLOW_TRACKING_URI, else mlflow.db.")
def train(  # noqa: PLR0913  one parameter for each option
    datasets: Sequence[Path],
    output: Path,
    name: str,
    version: str | None,
    no_register: bool,
    seed: int | None,
    feedback: Path | None,
    tracking_uri: str | None,
) -> None:
    """Fit a model on data sets: folders with a manifest.toml and labelled captures.

    Standard output gets the figures of the fit, each connection judged by a classifier that did not see its
    origin. Parameters, figures, pictures and the model itself are logged to MLflow, where the model becomes a
    new version, which nothing uses before it is promoted.
    """
    # OpenMP's threads wait in busy loops by default: on a busy machine that makes a fit ten times as long.
    # It reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from flowml.cli.metering import tell_if_slow
    from flowml.registry.connection import tracking_uri as choose_uri

    tell_if_slow()
    uri = None if no_register else choose_uri(tracking_uri)
    with telling() as tell:
        finished, registered = _train(
            datasets, output, _settings(name, version or output.name, seed, feedback), uri, tell
        )
    _show(finished, registered)


def _train(
    datasets: Sequence[Path],
    output: Path,
    settings: "ExperimentSettings",
    uri: str | None,
    tell: Callable[[str], None],
) -> "tuple[Finished, RegisteredVersion | None]":
    from flowml.registry.tracking import log_run, require_place
    from flowml.training.experiment import run_experiment

    if uri is None:
        return run_experiment(datasets, output, settings, tell), None
    tell("asking MLflow")
    require_place(settings.name, uri)
    finished = run_experiment(datasets, output, settings, tell)
    tell("telling MLflow")
    return finished, log_run(finished.run, uri)


def _settings(name: str, version: str, seed: int | None, feedback: Path | None) -> "ExperimentSettings":
    from flowml.training.experiment import ExperimentSettings
    from flowml.training.fit import TrainingSettings

    return ExperimentSettings(
        name=name,
        version=version,
        made=datetime.now(UTC),
        command=shlex.join(["flowml", *sys.argv[1:]]),
        training=TrainingSettings() if seed is None else TrainingSettings(seed=seed),
        feedback=feedback,
    )


def _show(finished: "Finished", registered: "RegisteredVersion | None") -> None:
    for problem in finished.problems:
        click.echo(problem, err=True)
    table = Table("figure, on origins left out", "value", title=f"{finished.run.name} {finished.run.version}")
    for name, value in finished.summary.words.items():
        table.add_row(name, value)
    Console(highlight=False).print(table)
    click.echo(f"{finished.run.bundle}: saved, digest {finished.run.digest}")
    if registered is not None:
        click.echo(
            f"{registered.reference}: registered; put it to work with "
            f"flowml models promote {registered.version} --alias champion"
        )
