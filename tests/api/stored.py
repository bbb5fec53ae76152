"""Incidents as a sensor stores them."""

import time
from dataclasses import replace
from pathlib import Path

from flowml.detections.alert import Evidence
from flowml.detections.explanation import EXPLANATIONS
from flowml.detections.sentence import say
from flowml.flows.key import FlowKey
from flowml.incidents.store import IncidentStore
from tests.verdicts import alert

WORDS = (
    say(
        EXPLANATIONS, "explanation.pushes_rhythm", pushed_messages=14, pushed_ratio=0.22, size_bytes=378.0,
        constant_ratio=1.0, gap_s=42.0,
    ),
    say(
        EXPLANATIONS, "explanation.submissions_answered_rate", sent_messages=49, size_bytes=186.0,
        constant_ratio=1.0, answered_ratio=1.0, answer_bytes=64.0, answer_ms=30.0, sent_per_min=4.9,
    ),
    say(EXPLANATIONS, "explanation.trickle", span_s=600.0, second_bytes=41.0, quiet_ratio=0.96),
)  # fmt: skip

STRIP = ((0.0, 186), (0.03, -64), (11.5, -378), (14.2, 186), (14.23, -64))


def store(folder: Path, number: int = 1, host: str = "10.0.0.2", server: str = "pool.example") -> None:
    """Store an alert of a host, as another process than the dashboard does."""
    now = time.time_ns() // 1_000_000
    incidents = IncidentStore(folder)
    key = FlowKey(host, 40_000 + number, "198.51.100.7", 3333)
    seen = alert(*WORDS, key=key, server_name=server, start_ms=now - 61_000, end_ms=now + number)
    incidents.take([replace(seen, evidence=Evidence(STRIP))])
    incidents.close()
