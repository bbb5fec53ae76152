"""Speakers that listen: a stream held open for ever, orders pushed down it, speech that goes up now and then.

HTTP/2 in TLS: a stream on which the cloud sends directives when it likes, PING frames of 17 bytes and their
answers every 30 to 300 s, events of one size when something changes in the house, and after the wake word
some seconds of audio up and of answers down.
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
    opening = Opening(
        int(rng.choice([2, 3])), int(log_uniform(rng, 200, 1500)), "types", int(log_uniform(rng, 100, 1200))
    )
    return written(_acts(rng), opening, 0.2)


def _acts(rng: Generator) -> dict[str, Act]:
    pace = log_uniform(rng, 0.4, 3.0)
    return {
        "ping": Act(
            bool(rng.random() < 0.5),
            float(rng.choice([30.0, 60.0, 240.0, 300.0])),
            n_bytes=17,
            answer_bytes=17,
        ),
        "directive": Act(
            by_server=True,
            period_s=round(60.0 * pace, 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 200, 1800)),
            spread=str(rng.choice(["digits", "types", "lognormal"])),
            answer_bytes=int(rng.choice([0, 60, 300, 700])),
            answer_spread="digits",
            think_s=0.03,
        ),
        "state": Act(
            by_server=False,
            period_s=round(90.0 * pace, 1),
            rhythm=str(rng.choice(["random", "steady"])),
            n_bytes=int(log_uniform(rng, 300, 2500)),
            spread="digits",
            answer_bytes=int(rng.choice([40, 60, 90])),
            think_s=0.05,
        ),
        "speech": Act(
            by_server=False,
            period_s=round(200.0 * pace, 1),
            rhythm="random",
            n_bytes=int(rng.choice([640, 1000, 1280])),
            run=float(rng.choice([40.0, 100.0])),
            run_gap_s=0.04,
        ),
        "answer": Act(
            by_server=True,
            period_s=round(220.0 * pace, 1),
            rhythm="random",
            n_bytes=int(log_uniform(rng, 1000, 8000)),
            spread="uniform",
            run=float(rng.choice([4.0, 12.0])),
            run_gap_s=0.1,
        ),
    }


ACTORS = (over_tls(conversation("voice-assistant", "iot", _draw, ports=(80,), clients=(2, 5)), (443,)),)
