"""Agents that wait for orders and are not miners: remote help, management, and beacons of a C2 kind.

A beacon asks at a period with up to half of it as jitter and mostly hears that there is nothing; now and then
it is given a task and answers with its result. Remote help and management agents hold a connection with
keep-alives of 10 to 60 s. What malware does besides mining is not mining.
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
    beacons = bool(rng.random() < 0.6)
    asked_bytes = int(log_uniform(rng, 16, 600))
    acts = {
        "ask": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 3.0, 120.0), 1),
            rhythm=str(rng.choice(["steady", "jittered", "jittered"])),
            n_bytes=asked_bytes,
            spread=str(rng.choice(["constant", "constant", "digits"])),
            answer_bytes=int(log_uniform(rng, 3, 400)),
            answer_spread=str(rng.choice(["constant", "constant", "heavy"])),
            think_s=round(log_uniform(rng, 0.001, 0.3), 4),
            waits=beacons,
        ),
        "task": Act(
            by_server=True,
            period_s=float(rng.choice([90.0, 300.0, 1200.0])),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 30, 2000)),
            spread="heavy",
            answer_bytes=int(log_uniform(rng, 30, 4000)),
            answer_spread="heavy",
            think_s=round(log_uniform(rng, 0.05, 5.0), 3),
        ),
    }
    if rng.random() < 0.4:
        acts["inventory"] = Act(False, float(rng.choice([300.0, 600.0])), "jittered", 3000, "lognormal", 40)
    return written(
        acts, Opening(1, int(log_uniform(rng, 60, 1200)), welcome_bytes=int(log_uniform(rng, 10, 2000))), 0.1
    )


_AGENT = conversation("remote-agent", "remote-agent", _draw, ports=(4444, 5938, 8080), clients=(2, 5))
ACTORS = (_AGENT, over_tls(_AGENT, (443, 5938, 8443)))
