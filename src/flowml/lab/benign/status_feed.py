"""Feeds of state: a server that tells its own by the clock to a client that spoke once, or never.

Scanners and receivers on a machine of one's own: Kismet's old server protocol (a time and a status each
second or so, of one size), gpsd (gpsd_json(5): TPV once a second, SKY every 5 s, after ``?WATCH``),
aircraft and ship receivers (NMEA 0183 over TCP: sentences of at most 82 bytes, IEC 61162-1; SBS and Beast),
weather stations, meters and clocks; APRS-IS, whose server writes a comment every 20 s when nothing happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import over_tls
from flowml.lab.benign.conversation import Act, Opening, conversation, written
from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters


def _draw(rng: Generator) -> Parameters:
    acts = {"state": _state(rng)}
    if rng.random() < 0.4:
        acts["survey"] = Act(
            True, float(rng.choice([5.0, 10.0, 60.0])), "steady", int(log_uniform(rng, 60, 1200)), "digits"
        )
    if rng.random() < 0.4:
        acts["sighting"] = Act(
            by_server=True,
            period_s=round(log_uniform(rng, 0.5, 60.0), 2),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(rng.choice([22, 48, 82, 100, 160])),
            spread=str(rng.choice(["constant", "digits", "types"])),
            run=float(rng.choice([1.0, 3.0])),
        )
    if rng.random() < 0.3:
        acts["alive"] = Act(
            by_server=bool(rng.random() < 0.5),
            period_s=float(rng.choice([10.0, 20.0, 30.0])),
            n_bytes=int(rng.integers(4, 90)),
            answer_bytes=int(rng.integers(4, 90)),
        )
    opening = Opening(
        rounds=int(rng.choice([0, 1, 1, 2])),
        has_banner=True,
        hello_bytes=int(log_uniform(rng, 12, 1000)),
        welcome_bytes=int(log_uniform(rng, 18, 400)),
    )
    return written(acts, opening)


def _state(rng: Generator) -> Act:
    return Act(
        by_server=True,
        period_s=round(float(rng.choice([0.2, 1.0, 1.0, 1.1, 2.0, 5.0, 20.0])), 2),
        rhythm=str(rng.choice(["steady", "steady", "jittered"])),
        n_bytes=int(log_uniform(rng, 20, 600)),
        spread=str(rng.choice(["constant", "constant", "digits", "types"])),
        run=float(rng.choice([1.0, 1.0, 2.0])),
        run_gap_s=0.01,
    )


_FEED = conversation(
    "status-feed", "telemetry", _draw, ports=(2501, 2947, 10110, 30003, 14580), clients=(1, 4)
)
ACTORS = (_FEED, over_tls(_FEED, (443, 2948)))
