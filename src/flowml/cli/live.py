"""flowml live: connections are tagged as they age, on an interface or in a replayed capture."""

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowml.sinks.text import printable

if TYPE_CHECKING:
    from flowml.config.reader import Settings
    from flowml.service.capture_task import CaptureTask
    from flowml.service.runner import Scorer
    from flowml.sinks.base import Sink

_PATH = click.Path(path_type=Path)
_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option("-i", "--interface", metavar="IFACE", help="Network interface to watch.")
@click.option("--replay", metavar="CAPTURE", type=_PATH, help="Capture file to replay instead.")
@click.option(
    "--speed", type=_SECONDS, default=1.0, show_default=True, help="Of a replay: how often real speed."
)
@click.option("--model", metavar="M", help="Folder, models:/NAME@ALIAS or models:/NAME/VERSION.")
@click.option("--eve", metavar="OUT.json", type=_PATH, help="Append alerts as Suricata EVE JSON.")
@click.option("--duration", metavar="S", type=_SECONDS, help="End after so many seconds.")
@click.option(
    "--config", "config_file", metavar="FILE", type=_PATH, help="TOML file; other options go first."
)
def live(
    replay: Path | None, speed: float, duration: float | None, config_file: Path | None, **options: Any
) -> None:
    """Watch an interface and raise an alert for each connection that mines.

    Alerts go to standard output, one line each, and to the EVE file. Ctrl-C and SIGTERM judge every open
    connection a last time and end within two seconds.
    """
    from flowml.service.capture_task import CaptureTask

    settings = _settings(config_file)
    if replay is not None and options["interface"] is not None:
        raise click.UsageError("-i and --replay exclude each other")
    # the other options are those settings of the file that a command line may want to change
    given = {name: value for name, value in options.items() if value is not None}
    settings = replace(settings, live=replace(settings.live, **given))
    if replay is None and settings.live.interface is None:
        raise click.UsageError("what to watch? -i IFACE, --replay CAPTURE, or live.interface in --config")
    task = CaptureTask(
        interface=settings.live.interface if replay is None else None,
        replay=None if replay is None else str(replay),
        speed=speed,
        duration_s=duration,
        meter=settings.meter,
    )
    _watch(task, settings)


def _settings(path: Path | None) -> "Settings":
    from flowml.config.reader import Settings, read_settings

    return Settings() if path is None else read_settings(path)


def _watch(task: "CaptureTask", settings: "Settings") -> None:
    from flowml.errors import SinkError
    from flowml.service.feed import CaptureFeed
    from flowml.service.runner import run
    from flowml.sinks.console import ConsoleLog, PlainConsole
    from flowml.sinks.eve import EveFile

    console = PlainConsole(sys.stdout)
    with ExitStack() as stack:
        sinks: list[Sink] = [ConsoleLog(console)]
        if settings.live.eve is not None:
            sinks.append(EveFile(settings.live.eve))
        for sink in sinks:
            stack.callback(sink.close)
        # packets wait in the capture process while the model is loaded, which takes seconds
        feed = stack.enter_context(CaptureFeed(task, _tell))
        scorer = _scorer(task.source, settings)
        tally = run(feed, scorer, sinks, _tell)
        console.print(str(tally))
        _tell_losses(task.source, feed.counters, scorer.table.evicted)
        feed.check()
    if tally.undelivered:
        raise SinkError(f"{tally.undelivered} alerts were not delivered; the lines above say why")


def _scorer(source: str, settings: "Settings") -> "Scorer":
    from flowml.detections.explanation import explain
    from flowml.detections.policy import Policy
    from flowml.flows.connections import ConnectionTable
    from flowml.registry.store import resolve
    from flowml.service.runner import Scorer

    bundle = resolve(settings.live.model).bundle
    return Scorer(ConnectionTable(settings.connections), bundle.judge, Policy(source, explain))


def _tell_losses(source: str, counters: dict[str, int], evicted: int) -> None:
    """Tell what was not judged as it should have been."""
    if counters.get("kernel_drops"):
        _tell(f"{source}: {counters['kernel_drops']} packets were lost before they could be metered")
    if counters.get("evicted_flows"):
        _tell(f"{source}: {counters['evicted_flows']} flows ended early: more were open than meter.max_flows")
    if evicted:
        _tell(f"{source}: {evicted} connections ended early: more were open than connections.max_connections")


def _tell(text: str) -> None:
    click.echo(f"flowml: {printable(text, 1000)}", err=True)
