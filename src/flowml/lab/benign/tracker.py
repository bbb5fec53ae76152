"""Trackers of vehicles: positions of constant size by the clock, each confirmed at once.

GT06 (Concox): a login of 18 bytes, heartbeats of 15 every 3 to 5 min, positions of 36 every 10 to 60 s,
answers of 10. Teltonika's codec 8: a login of 17, positions in batches, answers of 4 bytes that count them.
Orders to the device come seldom, and it answers them in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.benign.conversation import Act, Opening, conversation, written
from flowml.lab.benign.resemblance import unlike_mining
from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters


def _draw(rng: Generator) -> Parameters:
    hello_bytes, welcome_bytes = (18, 10) if rng.random() < 0.5 else (17, 3)
    return written(
        unlike_mining(_acts, rng), Opening(1, hello_bytes, "constant", welcome_bytes, "constant"), 0.3
    )


def _acts(rng: Generator) -> dict[str, Act]:
    batched = bool(rng.random() < 0.5)
    answer_bytes = 4 if batched else 10
    acts = {
        "position": Act(
            by_server=False,
            period_s=float(rng.choice([5.0, 10.0, 20.0, 30.0, 60.0])),
            rhythm=str(rng.choice(["steady", "jittered", "bursty"])),
            n_bytes=int(log_uniform(rng, 36, 400)) if batched else int(rng.choice([31, 36, 43])),
            spread=str(rng.choice(["types", "lognormal"])) if batched else "constant",
            answer_bytes=int(rng.choice([0, answer_bytes, answer_bytes])),
            think_s=0.004,
        ),
        "order": Act(
            by_server=True,
            period_s=float(rng.choice([300.0, 900.0])),
            rhythm="random",
            n_bytes=int(rng.integers(21, 60)),
            spread="digits",
            answer_bytes=int(rng.integers(25, 160)),
            answer_spread="digits",
            think_s=0.4,
        ),
    }
    if rng.random() < 0.7:
        beat_s = float(rng.choice([60.0, 180.0, 300.0]))
        acts["heartbeat"] = Act(False, beat_s, "jittered", 15, answer_bytes=10, think_s=0.004)
    return acts


ACTORS = (conversation("tracker", "iot", _draw, ports=(5023, 5027, 8841), clients=(3, 8)),)
