"""flowml feedback: what people said of incidents becomes a data set."""

from pathlib import Path

import click

from flowml.cli.config_file import sensor_config_option
from flowml.cli.state import opened


@click.group()
def feedback() -> None:
    """Make a data set of what people said of incidents."""


@feedback.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@sensor_config_option
def export(folder: Path, config_file: Path) -> None:
    """Write every connection of confirmed incidents and false alarms to DIR/feedback.parquet.

    With who said so, when and why. Train with it: flowml train DATASET... --with-feedback DIR. The file names
    hosts of this network: keep it here.
    """
    from flowml.datasets.feedback import write_feedback
    from flowml.incidents.feedback import feedback as said

    with opened(config_file) as store:
        labelled = said(store)
    path = write_feedback(folder, labelled)
    mining = sum(one.is_mining for one in labelled)
    click.echo(f"{path}: {mining} connections that mine, {len(labelled) - mining} that do not")
