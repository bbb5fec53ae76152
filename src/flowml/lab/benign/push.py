"""Push services of telephones: heartbeats minutes apart, and pushes that come in bursts.

FCM (port 5228) lets up to 28 minutes pass on mobile networks and 15 on others, APNs (port 5223) tens of
minutes; behind impatient NATs clients come down to 3 or 4. A heartbeat is a few bytes in each direction; many
pushes are confirmed with a message of some ten bytes.
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
    heartbeat_s = float(rng.choice([28.0, 60.0, 120.0, 180.0, 240.0, 300.0, 540.0, 900.0]))
    acts = {
        "heartbeat": Act(
            by_server=bool(rng.random() < 0.2),
            period_s=heartbeat_s,
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=int(rng.choice([3, 4, 7, 9, 16, 40])),
            answer_bytes=int(rng.choice([3, 4, 7, 9, 16, 40])),
        ),
        "push": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 12.0, 400.0), 1),
            rhythm=str(rng.choice(["bursty", "random"])),
            n_bytes=int(log_uniform(rng, 40, 1500)),
            spread=str(rng.choice(["constant", "digits", "lognormal", "uniform", "types"])),
            answer_bytes=int(rng.choice([0, 0, 12, 20, 45, 90])),
            answer_spread="digits",
            answered_ratio=float(rng.choice([1.0, 0.4])),
            run=float(rng.choice([1.0, 2.0, 5.0])),
        ),
        "usage": Act(  # what the telephone has to say itself
            by_server=False,
            period_s=float(rng.choice([120.0, 600.0, 900.0])),
            rhythm="random",
            n_bytes=int(log_uniform(rng, 60, 500)),
            spread="lognormal",
            answer_bytes=int(rng.choice([0, 20])),
        ),
    }
    return written(
        acts,
        Opening(1, int(log_uniform(rng, 200, 900)), "uniform", welcome_bytes=int(log_uniform(rng, 8, 500))),
        0.3,
    )


_PUSH = conversation("push", "push", _draw, ports=(5228,), clients=(2, 6))
ACTORS = (over_tls(_PUSH, (5223, 5228, 5229, 443)),)
