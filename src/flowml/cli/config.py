"""flowml config: tells whether a configuration file is right."""

from pathlib import Path

import click


@click.group()
def config() -> None:
    """Check a configuration file."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Read FILE as a sensor would and tell all its problems at once."""
    from flowml.config.reader import read_settings
    from flowml.sinks.text import printable

    read_settings(file)
    click.echo(f"{printable(str(file))}: no problems")
