"""Figures in Prometheus' text format, version 0.0.4."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.sinks.account import DeliveryFigures
from flowml.sinks.text import encodable


@dataclass(frozen=True)
class Metric:
    """A figure, perhaps for several things.

    Attributes
    ----------
    name : str
        With its unit; a counter's ends in ``_total``.
    help : str
        One sentence.
    kind : str
        ``counter`` or ``gauge``.
    samples : sequence of (labels, value)
    """

    name: str
    help: str
    kind: str
    samples: Sequence[tuple[Mapping[str, str], float]] = field(default_factory=tuple)


Collect = Callable[[], Iterable[Metric]]
"""Gives metrics as they are now; called by whichever thread wants them."""


def exposition(metrics: Iterable[Metric]) -> str:
    """Write metrics as text."""
    lines = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        lines += [f"{metric.name}{_labels(labels)} {value:.17g}" for labels, value in metric.samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return encodable(value).replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


class Metrics:
    """A sink that counts, and the place where all figures of a sensor come together."""

    def __init__(self) -> None:
        self._alerts: Counter[str] = Counter()
        self._events: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._collectors: list[Collect] = [self._counted]

    def add(self, collect: Collect) -> None:
        """Have more metrics asked for when they are wanted."""
        self._collectors.append(collect)

    def text(self) -> str:
        """All metrics as they are now."""
        return exposition(metric for collect in self._collectors for metric in collect())

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Count alerts."""
        with self._lock:
            self._alerts.update(alert.verdict.source for alert in alerts)

    def report(self, event: SensorEvent) -> None:
        """Count an event."""
        with self._lock:
            self._events[event.source, event.kind.value] += 1

    def close(self) -> None:
        """Nothing is held."""

    def _counted(self) -> list[Metric]:
        with self._lock:
            alerts = [({"source": source}, float(count)) for source, count in self._alerts.items()]
            events = [
                ({"source": source, "event": kind}, float(count))
                for (source, kind), count in self._events.items()
            ]
        return [
            Metric("flowml_alerts_total", "Connections called mining.", "counter", alerts),
            Metric("flowml_sensor_events_total", "Changes in what the sensor sees.", "counter", events),
        ]


_DELIVERIES = (
    ("waiting", "Alerts and events accepted and not yet delivered.", "gauge", "waiting"),
    ("spooled_bytes", "Of those that wait, bytes on disk.", "gauge", "spooled_bytes"),
    ("held_bytes", "Of those that wait, bytes in memory only.", "gauge", "held_bytes"),
    ("delivered_total", "Alerts and events delivered.", "counter", "delivered"),
    ("failures_total", "Deliveries that failed and are tried again.", "counter", "failed"),
    ("undeliverable_total", "Alerts and events that were refused for good.", "counter", "set_aside"),
    ("lost_total", "Alerts and events that nothing had room for.", "counter", "lost"),
)


def delivery_metrics(deliveries: Sequence[DeliveryFigures]) -> list[Metric]:
    """Give what is known of deliveries as metrics, one sample for each destination."""
    metrics = [
        Metric(
            f"flowml_sink_{name}",
            words,
            kind,
            [({"sink": figures.name}, float(getattr(figures, attribute))) for figures in deliveries],
        )
        for name, words, kind, attribute in _DELIVERIES
    ]
    up = [({"sink": figures.name}, float(not figures.last_error)) for figures in deliveries]
    return [*metrics, Metric("flowml_sink_up", "Whether the last delivery was well.", "gauge", up)]
