"""Vendors' clouds of small things: plugs, cameras, bulbs and hubs that are online for ever.

What their protocols have in common: a heartbeat of constant size every 10 to 300 s with an answer of constant
size (MQTT's is 2 bytes each way, 3.1.1 section 3.12; keep-alives of clouds: AWS IoT 30 to 1200 s, Tuya 10 to
60 s), states reported when something happens or by the clock, and commands that somebody sends from a
telephone, each confirmed at once with a message of constant size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import over_tls
from flowml.lab.benign.conversation import Act, Opening, conversation, written
from flowml.lab.benign.resemblance import unlike_mining
from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_HEARTBEATS_S = (10.0, 15.0, 20.0, 25.0, 30.0, 30.0, 50.0, 60.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0)


def _draw(rng: Generator) -> Parameters:
    opening = Opening(
        int(rng.choice([1, 2, 3])),
        int(log_uniform(rng, 40, 900)),
        welcome_bytes=int(log_uniform(rng, 4, 400)),
    )
    return written(unlike_mining(_acts, rng), opening, float(rng.choice([0.0, 0.0, 0.3])))


def _acts(rng: Generator) -> dict[str, Act]:
    heartbeat_bytes = int(rng.choice([3, 4, 12, 24, 36, 64, 96]))
    acts = {
        "heartbeat": Act(
            by_server=bool(rng.random() < 0.15),
            period_s=float(rng.choice(_HEARTBEATS_S)),
            rhythm=str(rng.choice(["steady", "steady", "jittered"])),
            n_bytes=heartbeat_bytes,
            answer_bytes=int(rng.choice([0, 3, heartbeat_bytes, heartbeat_bytes, 40])),
            think_s=0.002,
        ),
        "state": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 8.0, 600.0), 1),
            rhythm=str(rng.choice(["steady", "jittered", "random", "bursty"])),
            n_bytes=int(log_uniform(rng, 40, 700)),
            spread=str(rng.choice(["constant", "constant", "digits", "digits", "types"])),
            answer_bytes=int(rng.choice([0, 4, 12, 36, 80, 140])),
            think_s=round(log_uniform(rng, 0.001, 0.2), 4),
            run=float(rng.choice([1.0, 1.0, 1.5, 4.0])),
        ),
    }
    if rng.random() < 0.7:
        acts["command"] = Act(
            by_server=True,
            period_s=round(log_uniform(rng, 30.0, 900.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 30, 500)),
            spread=str(rng.choice(["constant", "digits", "types"])),
            answer_bytes=int(log_uniform(rng, 12, 300)),
            answer_spread=str(rng.choice(["constant", "digits"])),
            think_s=round(log_uniform(rng, 0.005, 0.5), 4),
        )
    if rng.random() < 0.3:  # what the cloud tells all its devices: the time, the weather, a new rule
        acts["notice"] = Act(
            by_server=True,
            period_s=float(rng.choice([60.0, 300.0, 900.0])),
            n_bytes=int(log_uniform(rng, 20, 400)),
            spread=str(rng.choice(["constant", "digits"])),
        )
    return acts


_CLOUD = conversation("iot-cloud", "iot", _draw, ports=(1883, 6668, 8886, 5678), clients=(3, 8))
ACTORS = (_CLOUD, over_tls(_CLOUD, (443, 8883, 8886, 9443)))
