"""flowml live: connections are tagged as they age, on an interface or in a replayed capture."""

import signal
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowml.cli.config_file import config_option
from flowml.sinks.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowml.config.reader import Settings
    from flowml.service.capture_task import CaptureTask
    from flowml.service.presence import Presence
    from flowml.service.scoring import Scorer
    from flowml.service.starting import Start
    from flowml.service.watch import Watch
    from flowml.sinks.base import Sink
    from flowml.sinks.distribution import Distribution
    from flowml.sinks.outlets import Outlets

_PATH = click.Path(path_type=Path)
_SECONDS = click.FloatRange(min=0, min_open=True)
_INCIDENTS = "incidents"
_ENDING_S = 1.9  # from the request to end: capture ends, then sinks have what is left, then the process


@click.command()
@click.option(
    "-i",
    "--interface",
    "interfaces",
    metavar="IFACE",
    multiple=True,
    help="Network interface to watch, once or several times, or any for all.",
)
@click.option("--replay", metavar="CAPTURE", type=_PATH, help="Capture file to replay instead.")
@click.option(
    "--speed", type=_SECONDS, default=1.0, show_default=True, help="Of a replay: how often real speed."
)
@click.option("--model", metavar="M", help="Folder, models:/NAME@ALIAS or models:/NAME/VERSION.")
@click.option("--eve", metavar="OUT.json", type=_PATH, help="Append alerts as Suricata EVE JSON.")
@click.option("--duration", metavar="S", type=_SECONDS, help="End after so many seconds.")
@config_option("TOML file; other options go first.")
def live(
    interfaces: tuple[str, ...],
    replay: Path | None,
    speed: float,
    duration: float | None,
    config_file: Path | None,
    **options: Any,
) -> None:
    """Watch interfaces and raise an alert for each connection that mines.

    Alerts go to standard output, one line each, to the EVE file, and wherever [sinks] of the configuration
    says. Ctrl-C and SIGTERM judge every open connection a last time and end within two seconds; what a server
    did not take by then waits for the next start where there is a state folder. SIGHUP reopens the EVE file.
    """
    from flowml.capture.links import ANY
    from flowml.cli.metering import tell_if_slow
    from flowml.service.capture_task import CaptureTask

    settings = _settings(config_file, interfaces)
    if replay is not None and interfaces:
        raise click.UsageError("-i and --replay exclude each other")
    # the other options are those settings of the file that a command line may want to change
    given = {name: value for name, value in options.items() if value is not None}
    settings = replace(settings, live=replace(settings.live, **given))
    if replay is not None:
        tell_if_slow()
        tasks = [CaptureTask(replay=str(replay), speed=speed, meter=settings.meter)]
    elif settings.capture.interfaces:
        common = CaptureTask(
            interface=ANY,
            meter=settings.meter,
            ring=settings.capture.ring,
            headers=settings.evidence.ring,
        )
        tasks = [replace(common, interface=name) for name in settings.capture.interfaces]
    else:
        raise click.UsageError("what to watch? -i IFACE, --replay CAPTURE, or capture.interfaces in --config")
    _watch(tasks, settings, duration)


def _settings(path: Path | None, given: tuple[str, ...]) -> "Settings":
    from flowml.config.keys import interfaces
    from flowml.config.reader import Settings, read_settings

    settings = Settings() if path is None else read_settings(path)
    if not given:
        return settings
    try:
        names = interfaces([*given])
    except ValueError as error:
        raise click.UsageError(f"-i {' -i '.join(given)}: {error}") from None
    return replace(settings, capture=replace(settings.capture, interfaces=names))


def _watch(tasks: "list[CaptureTask]", settings: "Settings", duration_s: float | None) -> None:
    from flowml.errors import SinkError
    from flowml.service.runner import run
    from flowml.service.supervisor import Supervisor
    from flowml.sinks.console import PlainConsole

    with ExitStack() as stack:
        start = stack.enter_context(_starting(tasks))  # before there is another thread
        outlets = stack.enter_context(_outlets(settings))
        # packets wait in the capture processes while the model is loaded, which takes seconds
        supervisor = stack.enter_context(Supervisor(tasks, _tell, duration_s, start))
        distribution = stack.enter_context(_distribution(outlets, settings))
        presence = stack.enter_context(_present(distribution, settings))
        watch = stack.enter_context(_watching(settings, outlets, presence, distribution))
        tally = run(supervisor, _scorers(settings, watch), distribution, watch)
        asked_at = time.monotonic() if supervisor.stopped_at is None else supervisor.stopped_at
        tally.undelivered += outlets.close(asked_at + _ENDING_S)
        if supervisor.has_opened:
            # among JSON lines there is no place for a sentence
            is_json = settings.sinks.stdout.format == "json"
            _tell(str(tally)) if is_json else PlainConsole(sys.stdout).print(str(tally))
        for source, counters in supervisor.counters.items():
            _tell_packets(source, counters, tally.evicted[source])
        supervisor.check()
    if tally.undelivered:
        raise SinkError(f"{tally.undelivered} alerts or events were not delivered; the lines above say why")


@contextmanager
def _starting(tasks: "list[CaptureTask]") -> "Iterator[Start]":
    """Give how capture processes are started; leave the privilege to open interfaces to the one that does."""
    from flowml.service.privileges import WRITING, keep_only
    from flowml.service.spawner import Spawner
    from flowml.service.starting import start_child

    if tasks[0].interface is None:
        yield start_child
        return
    with Spawner() as spawner:
        keep_only(*WRITING)
        yield spawner.start


@contextmanager
def _outlets(settings: "Settings") -> "Iterator[Outlets]":
    """Open the destinations; whatever ends the block, they end, and files are opened again on SIGHUP."""
    from flowml.sinks.delivery import PARTING_S
    from flowml.sinks.outlets import Outlets
    from flowml.sinks.settings import EveSettings

    sinks = settings.sinks
    if settings.live.eve is not None:  # --eve, or the key that had it before there was a section of its own
        eve = sinks.eve or EveSettings(settings.live.eve)
        sinks = replace(sinks, eve=replace(eve, file=settings.live.eve))
    folder = None if settings.state.folder is None else settings.state.folder / "spool"
    if folder is None and sinks.has_servers:
        _tell("no state.folder: what a server does not take waits in memory, and is lost with this process")
    outlets = Outlets(sinks, sys.stdout, folder, _tell)
    if settings.state.folder is not None:
        from flowml.incidents.writer import IncidentWriter

        writer = IncidentWriter(settings.state.folder, settings.incidents)
        outlets.add(_INCIDENTS, writer, IncidentWriter.TERMS)
    before = signal.getsignal(signal.SIGHUP)
    is_service = sinks.eve is not None or folder is not None
    if is_service and not sys.stdout.isatty():  # a terminal that is closed still ends what runs in it
        signal.signal(signal.SIGHUP, lambda number, frame: outlets.reopen())  # noqa: ARG005
    outlets.tell_strangers()
    try:
        yield outlets
    finally:
        outlets.close(time.monotonic() + PARTING_S)
        signal.signal(signal.SIGHUP, before)


@contextmanager
def _distribution(outlets: "Outlets", settings: "Settings") -> "Iterator[Distribution]":
    """Hand out to every destination, first of all what an earlier run did not finish handing out."""
    with ExitStack() as stack:
        distribution = outlets.distribution(stack.enter_context(_audience(outlets, settings)))
        stack.callback(distribution.close)
        distribution.resume()
        yield distribution


@contextmanager
def _audience(outlets: "Outlets", settings: "Settings") -> "Iterator[list[Sink]]":
    """Keep authorised mining from everybody but those who count it, and incidents' later alerts from some."""
    from flowml.incidents.authorised import Authorisations
    from flowml.incidents.beginnings import Beginnings
    from flowml.sinks.delivery import Delivery
    from flowml.sinks.filtered import Filtered

    if settings.state.folder is None:
        yield outlets.sinks
        return
    with (
        closing(Authorisations(settings.state.folder, _tell)) as authorisations,
        closing(Beginnings(settings.state.folder, _tell)) as beginnings,
    ):

        def heard(sink: "Sink") -> "Sink":
            if not isinstance(sink, Delivery) or sink.name == _INCIDENTS:
                return sink
            if sink.name in settings.sinks.once_per_incident:
                sink = Filtered(sink, beginnings.of)
            return Filtered(sink, authorisations.others)

        yield list(map(heard, outlets.sinks))


@contextmanager
def _present(distribution: "Distribution", settings: "Settings") -> "Iterator[Presence | None]":
    """Report if the sensor before was ended by force, and give signs of life from then on."""
    from flowml.service.presence import Presence

    if settings.state.folder is None:
        yield None
        return
    with Presence(settings.state.folder) as presence:
        event = presence.interruption()
        if event is not None:
            distribution.report(event)
        presence.sign()
        yield presence


def _watching(
    settings: "Settings",
    outlets: "Outlets",
    presence: "Presence | None",
    distribution: "Distribution",
) -> "Watch":
    """Load the model, and whatever the sensor has to know of itself."""
    from flowml.cli.judging import first_model
    from flowml.service.chronicle import Chronicle
    from flowml.service.disks import of_disks
    from flowml.service.health import of_delivery
    from flowml.service.model_watch import ModelWatch
    from flowml.service.watch import Watch

    first, folder = first_model(settings), settings.state.folder
    models = ModelWatch(settings.models, first.bundle, first.folder, _tell)
    room_bytes = settings.sinks.spool_mib << 20
    watch = Watch(
        models,
        lambda now_ms: [
            *(of_delivery(figures, room_bytes, now_ms) for figures in outlets.figures()),
            *of_disks(settings.written_folders),
        ],
        None if folder is None else Chronicle(folder, settings.incidents),
        distribution.report,
        presence=presence,
    )
    outlets.metrics.add(watch.metrics)
    return watch


def _scorers(settings: "Settings", watch: "Watch") -> "Callable[[str], Scorer]":
    from flowml.detections.explanation import explain
    from flowml.detections.policy import Policy
    from flowml.flows.connections import ConnectionTable
    from flowml.flows.openings import Openings
    from flowml.service.scoring import Scorer

    return lambda source: Scorer(
        ConnectionTable(settings.connections),
        watch.judge_of(source),
        Policy(source, explain, watch.resembles),
        Openings(),
    )


def _tell_packets(source: str, counters: "dict[str, int]", evicted: int) -> None:
    """Tell what became of the packets of an interface, and what was not judged as it should have been."""
    from flowml.capture.census import IN_TUNNEL, NOT_IP, REASONS, UNKNOWN

    if "kernel_received" in counters:
        _tell(
            f"{source}: {counters['kernel_received']} packets, {counters['packets']} metered, "
            f"{counters['ignored']} left out, {counters['kernel_drops']} lost before they could be metered"
        )
    for reason in (*REASONS, IN_TUNNEL, UNKNOWN):
        if reason != NOT_IP and counters.get(reason):  # that there is ARP goes without saying
            _tell(f"{source}: {counters[reason]} packets left out: {reason}")
    if counters.get("evicted_flows"):
        _tell(f"{source}: {counters['evicted_flows']} flows ended early: more were open than meter.max_flows")
    if counters.get("lost_records"):
        _tell(
            f"{source}: {counters['lost_records']} flow records were dropped: the scorer had too little time"
        )
    if counters.get("lost_headers"):
        _tell(f"{source}: headers of {counters['lost_headers']} packets were not kept as [evidence] asks")
    if evicted:
        _tell(f"{source}: {evicted} connections ended early: more were open than connections.max_connections")


def _tell(text: str) -> None:
    click.echo(f"flowml: {printable(text, 1000)}", err=True)
