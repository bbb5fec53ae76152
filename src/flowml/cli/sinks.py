"""flowml sinks: tries the destinations of a configuration."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowml.cli.config_file import config_option
from flowml.sinks.text import printable

if TYPE_CHECKING:
    from flowml.detections.alert import Alert
    from flowml.sinks.base import Sink


@click.group()
def sinks() -> None:
    """Try where alerts go."""


@sinks.command()
@config_option("TOML file of the sensor.", required=True)
def test(config_file: Path) -> None:
    """Send one alert, marked as a test, to every destination of a configuration, and say what came of it."""
    from flowml.config.reader import read_settings
    from flowml.errors import SinkError
    from flowml.sinks.outlets import destinations
    from flowml.sinks.trial import trial_alert

    settings = read_settings(config_file).sinks
    alert = trial_alert(int(time.time() * 1000))
    results = [_try(name, sink, alert) for name, sink, _ in destinations(settings)]
    if not results:
        raise SinkError(f"{config_file}: names no destination; add a section such as [sinks.eve]")
    if not all(results):
        raise SinkError(
            f"{results.count(False)} of {len(results)} destinations failed; the lines above say why"
        )


def _try(name: str, sink: "Sink", alert: "Alert") -> bool:
    from flowml.errors import SinkError

    try:
        sink.emit([alert])
    except SinkError as error:
        click.echo(printable(f"{name}: {error}", 1000))
        return False
    finally:
        sink.close()
    click.echo(f"{name}: delivered")
    return True
