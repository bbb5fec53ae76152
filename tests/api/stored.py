"""Incidents as a sensor stores them: `python -m tests.api.stored FOLDER NUMBER HOST SERVER`."""

import sys
import time
from pathlib import Path

from flowml.flows.key import FlowKey
from flowml.incidents.store import IncidentStore
from tests.verdicts import alert

WORDS = (
    "The server sent 14 messages of its own accord, median 378 bytes, one every 42 s (median).",
    "The client sent 49 messages, median 186 bytes; 100% were answered within 1 s by 64 bytes; 4.9 a minute.",
    "Over the last 10 min both sides sent 41 bytes a second, quiet 96% of the time.",
)


def store(folder: Path, number: int = 1, host: str = "10.0.0.2", server: str = "pool.example") -> None:
    """Store an alert of a host, as another process than the dashboard does."""
    now = time.time_ns() // 1_000_000
    incidents = IncidentStore(folder)
    key = FlowKey(host, 40_000 + number, "198.51.100.7", 3333)
    incidents.take([alert(*WORDS, key=key, server_name=server, start_ms=now - 61_000, end_ms=now + number)])
    incidents.close()


if __name__ == "__main__":
    store(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
