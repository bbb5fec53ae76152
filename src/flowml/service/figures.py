"""What a sensor counts and judges, as metrics."""

from collections.abc import Iterable, Mapping

from flowml.service.health import GRAVITY, Finding
from flowml.sinks.prometheus import Metric

_COUNTERS = (
    ("packets", "flowml_packets_total", "Packets metered."),
    ("ignored", "flowml_packets_left_out_total", "Packets of which no flow is made."),
    ("kernel_drops", "flowml_packets_lost_total", "Packets lost before they could be metered."),
    ("lost_records", "flowml_records_lost_total", "Flow records dropped: the scorer had too little time."),
    ("lost_headers", "flowml_headers_lost_total", "Packets whose headers were not kept as [evidence] asks."),
)  # what a meter counts, its metric, and what that is


def of_sources(totals: Mapping[str, Mapping[str, int]]) -> list[Metric]:
    """Give what the meters of each source counted."""
    return [
        Metric(
            metric,
            words,
            "counter",
            [({"source": source}, float(counted.get(name, 0))) for source, counted in totals.items()],
        )
        for name, metric, words in _COUNTERS
    ]


def of_health(findings: Iterable[Finding], drift: Mapping[str, float]) -> list[Metric]:
    """Give health as figures, and drift of the last hour."""
    samples = [({"check": finding.name}, float(GRAVITY[finding.status])) for finding in findings]
    words = "Population stability index of the last hour against the training data."
    return [
        Metric("flowml_health", "0: ok, 1: warning, 2: bad.", "gauge", samples),
        Metric("flowml_drift", words, "gauge", [({"of": name}, value) for name, value in drift.items()]),
    ]
