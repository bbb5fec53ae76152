"""All destinations of a sensor, opened as its configuration says, and ended together."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from flowml.errors import SinkError
from flowml.sinks.account import DeliveryFigures, Tell
from flowml.sinks.backlog import Backlog
from flowml.sinks.base import Sink, Terms
from flowml.sinks.console import ConsoleLog, PlainConsole
from flowml.sinks.delivery import PARTING_S, Delivery
from flowml.sinks.distribution import Distribution
from flowml.sinks.eve import EveFile
from flowml.sinks.exporter import MetricsFile, MetricsServer
from flowml.sinks.journal import Journal
from flowml.sinks.json_lines import JsonLines
from flowml.sinks.prometheus import Metrics, delivery_metrics
from flowml.sinks.settings import PrometheusSettings, SinksSettings

_JOURNAL = ".journal"
_BEING_HANDED_OUT = "handing-out"


def destinations(settings: SinksSettings) -> Iterator[tuple[str, Sink, Terms]]:
    """Open the sinks of a configuration but standard output; give the name and the terms of each.

    Raises
    ------
    SinkError, ConfigError
        A file that is named cannot be opened, or is not what it should be. Servers are not asked yet.
    """
    if settings.eve is not None:
        limit = settings.eve.rotate_mib
        limit_bytes = None if limit is None else limit << 20
        yield "eve", EveFile(settings.eve.file, limit_bytes, settings.eve.keep), EveFile.TERMS
    if settings.syslog is not None:
        from flowml.sinks.syslog import syslog_sink

        yield "syslog", syslog_sink(settings.syslog), Terms()
    if settings.webhook is not None:
        from flowml.sinks.webhook import webhook_sink

        yield "webhook", webhook_sink(settings.webhook), Terms()
    if settings.email is not None:
        from flowml.sinks.mail import mail_sink

        sink = mail_sink(settings.email)
        yield "email", sink, sink.terms


class Outlets:
    """The sinks that a sensor hands alerts to; each is a queue in front of a destination.

    Parameters
    ----------
    settings : SinksSettings
    stdout : text file
    folder : Path or None
        For what waits; None: it waits in memory, and is lost with the process.
    tell : callable

    Attributes
    ----------
    sinks : list of Sink
    metrics : Metrics
        Of this sensor; others add theirs.

    Raises
    ------
    SinkError, ConfigError
        As `destinations`, or the folder cannot be used.
    """

    def __init__(self, settings: SinksSettings, stdout: IO[str], folder: Path | None, tell: Tell) -> None:
        self.metrics = Metrics()
        self.sinks: list[Sink] = [self.metrics]
        self._spool_bytes = settings.spool_mib << 20
        self._folder = folder
        self._tell = tell
        self._deliveries: list[Delivery] = []
        self._exporters: list[MetricsFile | MetricsServer] = []
        self._is_closed = False
        try:
            self._open(settings, stdout)
        except BaseException:
            self.close(time.monotonic() + PARTING_S)
            raise

    def add(self, name: str, sink: Sink, terms: Terms) -> None:
        """Put a queue in front of one more destination; what an earlier run left for it is delivered first.

        Raises
        ------
        SinkError
            Its spool cannot be opened.
        """
        backlog = Backlog(self._journal(name))
        if len(backlog):
            self._tell(f"{name}: {len(backlog)} alerts or events of an earlier run are delivered now")
        aside = None if self._folder is None else self._folder / f"{name}.undeliverable.json"
        delivery = Delivery(name, sink, backlog, terms, self._tell, aside)
        self._deliveries.append(delivery)
        self.sinks.append(delivery)

    def distribution(self, sinks: Sequence[Sink]) -> Distribution:
        """Give what hands out to some sinks; the caller closes it.

        Raises
        ------
        SinkError
            The folder for what waits cannot be used.
        """
        if self._folder is None:
            return Distribution(sinks, self._tell)
        journal = Journal(self._folder / _BEING_HANDED_OUT, self._spool_bytes)
        if journal.damage:
            self._tell(journal.damage)
        return Distribution(sinks, self._tell, journal)

    def tell_strangers(self) -> None:
        """Tell which journals wait for a destination that is there no more; after the last `add`."""
        names = {delivery.name for delivery in self._deliveries}
        for path in sorted(self._folder.glob(f"*{_JOURNAL}")) if self._folder is not None else ():
            if path.name.removesuffix(_JOURNAL) not in names and path.stat().st_size > Journal.EMPTY_BYTES:
                self._tell(
                    f"{path}: holds alerts for a sink that is not configured; remove it if that is meant"
                )

    def figures(self) -> list[DeliveryFigures]:
        """Say how it stands with each destination."""
        return [delivery.figures() for delivery in self._deliveries]

    def reopen(self) -> None:
        """Have files opened again that were moved away; may be called from a signal handler."""
        for delivery in self._deliveries:
            delivery.reopen()

    def close(self, until: float) -> int:
        """Deliver what can be until a time (monotonic, s), and end.

        Returns
        -------
        int
            Alerts and events that are lost because they waited in memory, counted once for each destination,
            and told; 0 when it is called again.

        Raises
        ------
        BrokenPipeError
            Whoever reads standard output went away.
        """
        if self._is_closed:
            return 0
        self._is_closed = True
        for delivery in self._deliveries:
            delivery.finish(until)
        for delivery in self._deliveries:
            delivery.close()
        for exporter in self._exporters:
            exporter.close()
        for delivery in self._deliveries:
            delivery.check()
        return sum(map(self._left, self._deliveries))

    def _left(self, delivery: Delivery) -> int:
        """Tell what was not delivered; give how much of it is lost."""
        figures = delivery.figures()
        kept = figures.waiting - figures.held
        if kept:
            self._tell(f"{delivery.name}: {kept} alerts or events wait on disk for the next start")
        if figures.held:
            self._tell(f"{delivery.name}: {figures.held} alerts or events were not delivered")
        return figures.held

    def _open(self, settings: SinksSettings, stdout: IO[str]) -> None:
        self._prepare_folder()
        self.add("stdout", _stream(settings.stdout.format, stdout), Terms(at_most=64))
        for name, sink, terms in destinations(settings):
            self.add(name, sink, terms)
        self.metrics.add(lambda: delivery_metrics(self.figures()))
        if settings.prometheus is not None:
            self._export(settings.prometheus)

    def _prepare_folder(self) -> None:
        if self._folder is None:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(
                f"{self._folder}: cannot be made: {error.strerror or error}; "
                "make it, or name another state.folder"
            ) from error

    def _journal(self, name: str) -> Journal | None:
        if self._folder is None:
            return None
        journal = Journal(self._folder / f"{name}{_JOURNAL}", self._spool_bytes)
        if journal.damage:
            self._tell(journal.damage)
        return journal

    def _export(self, settings: PrometheusSettings) -> None:
        if settings.listen is not None:
            host, _, port = settings.listen.rpartition(":")
            self._exporters.append(MetricsServer(host.strip("[]"), int(port), self.metrics.text))
        if settings.textfile is not None:
            self._exporters.append(
                MetricsFile(settings.textfile, self.metrics.text, settings.every_s, self._tell)
            )


def _stream(form: str, stdout: IO[str]) -> Sink:
    return JsonLines(stdout) if form == "json" else ConsoleLog(PlainConsole(stdout))
