"""Televisions and set-top boxes: what is on the screen is told to its maker by the clock.

Recognition of content sends a digest of the picture every 10 to 60 s and hears an acknowledgement, or what
to look at next; beside it go heartbeats, usage reports, and at times what is on now or shall be shown.
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


def _draw(rng: Generator) -> Parameters:
    opening = Opening(
        int(rng.choice([1, 2])), int(log_uniform(rng, 200, 1500)), "uniform", int(log_uniform(rng, 60, 3000))
    )
    return written(unlike_mining(_acts, rng), opening, 0.1)


def _acts(rng: Generator) -> dict[str, Act]:
    acts = {
        "digest": Act(
            by_server=False,
            period_s=float(rng.choice([10.0, 15.0, 15.0, 30.0, 60.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=int(log_uniform(rng, 300, 6000)),
            spread=str(rng.choice(["constant", "digits", "uniform", "lognormal"])),
            answer_bytes=int(log_uniform(rng, 12, 600)),
            answer_spread=str(rng.choice(["constant", "constant", "digits"])),
            think_s=round(log_uniform(rng, 0.005, 0.2), 4),
        ),
        "usage": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 30.0, 400.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 400, 4000)),
            spread="lognormal",
            answer_bytes=int(log_uniform(rng, 20, 300)),
        ),
    }
    if rng.random() < 0.5:
        acts["programme"] = Act(
            True, float(rng.choice([60.0, 300.0])), "jittered", int(log_uniform(rng, 100, 1500)), "types"
        )
    return acts


ACTORS = (over_tls(conversation("smart-tv", "iot", _draw, ports=(80,), clients=(2, 5)), (443, 8080)),)
