"""Conclusions for tests of what comes after them."""

from dataclasses import replace
from typing import Any

from flowml.detections.alert import Alert, ConnectionVerdict
from flowml.detections.event import EventKind, SensorEvent
from flowml.detections.sentence import Sentence
from flowml.detections.verdict import Label
from flowml.flows.key import FlowKey

MINING = ConnectionVerdict(
    key=FlowKey("10.0.0.2", 40000, "198.51.100.7", 3333),
    start_ms=1_700_000_000_000,
    end_ms=1_700_000_061_234,
    label=Label.MINING,
    probability=0.9876543,
    novelty=0.25,
    age_s=60.0,
    detected_after_s=61.5,
    client_bytes=1200,
    server_bytes=3400,
    client_packets=7,
    server_packets=12,
    saw_start=True,
    application_name="TLS",
    server_name="pool.example",
    model="flowml 1 0123456789ab",
    source="capture.pcap",
)
BENIGN = replace(MINING, label=Label.BENIGN, probability=0.01, detected_after_s=None)


def alert(*explanation: str | Sentence, **changes: Any) -> Alert:
    """An alert about `MINING` with some fields changed."""
    said = tuple(Sentence(it) if isinstance(it, str) else it for it in explanation)
    return Alert(replace(MINING, **changes), 1_700_000_061_500, said)


def event(message: str = "eth0: capture goes on after 2.5 s", source: str = "eth0") -> SensorEvent:
    """Capture that was resumed."""
    return SensorEvent(1_700_000_061_500, EventKind.RESUMED, source, message, 12, 2.5)


def health_change(status: str = "bad", before: str = "ok", source: str = "eth0") -> SensorEvent:
    """Losses on an interface that became graver, or less grave."""
    check = f"losses {source}"
    message = f"{check}: {status}: 2.00% of the packets were lost before they could be metered"
    return SensorEvent(
        1_700_000_061_500, EventKind.HEALTH, source, message, 0, check=check, status=status, before=before
    )
