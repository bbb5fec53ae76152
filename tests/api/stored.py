"""Incidents as a sensor stores them."""

import time
from dataclasses import replace
from pathlib import Path

from flowml.detections.alert import Evidence
from flowml.flows.key import FlowKey
from flowml.incidents.store import IncidentStore
from tests.verdicts import alert

WORDS = (
    "The server sent 14 messages of its own accord, median 378 bytes, one every 42 s (median).",
    "The client sent 49 messages, median 186 bytes; 100% were answered within 1 s by 64 bytes; 4.9 a minute.",
    "Over the last 10 min both sides sent 41 bytes a second, quiet 96% of the time.",
)

STRIP = ((0.0, 186), (0.03, -64), (11.5, -378), (14.2, 186), (14.23, -64))


def store(folder: Path, number: int = 1, host: str = "10.0.0.2", server: str = "pool.example") -> None:
    """Store an alert of a host, as another process than the dashboard does."""
    now = time.time_ns() // 1_000_000
    incidents = IncidentStore(folder)
    key = FlowKey(host, 40_000 + number, "198.51.100.7", 3333)
    seen = alert(*WORDS, key=key, server_name=server, start_ms=now - 61_000, end_ms=now + number)
    incidents.take([replace(seen, evidence=Evidence(STRIP))])
    incidents.close()
