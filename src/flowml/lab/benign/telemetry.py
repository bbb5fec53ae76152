"""Device telemetry of a vendor's own making: small constant messages, acknowledged or not, over long lives.

The hardest look-alike of mining: a long, quiet connection on which sizes hardly vary. So nearly everything is
drawn: who starts, sizes, periods, rhythms, acknowledgements, commands that the server pushes. Only what is a
miner's in all that can be seen is drawn anew.
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
        hello_bytes=int(log_uniform(rng, 30, 500)),
        has_banner=bool(rng.random() < 0.3),
        welcome_bytes=int(log_uniform(rng, 4, 300)),
    )
    return written(unlike_mining(_acts, rng), opening, float(rng.choice([0.0, 0.1, 0.5])))


def _acts(rng: Generator) -> dict[str, Act]:
    acts = {
        "report": Act(
            by_server=False,
            period_s=float(rng.choice([2.0, 5.0, 10.0, 20.0, 30.0, 60.0])) * float(rng.uniform(0.8, 1.2)),
            rhythm=str(rng.choice(["steady", "steady", "jittered", "random"])),
            n_bytes=int(rng.integers(16, 600)),
            spread=str(rng.choice(["constant", "constant", "digits", "uniform"])),
            answer_bytes=int(rng.choice([0, 4, 16, 64, 120])),
            think_s=float(rng.uniform(0.0005, 0.2)),
        ),
    }
    if rng.random() < 0.6:
        acts["push"] = Act(
            by_server=True,
            period_s=float(rng.choice([20.0, 60.0, 180.0])) * float(rng.uniform(0.8, 1.2)),
            rhythm=str(rng.choice(["steady", "random", "bursty"])),
            n_bytes=int(rng.integers(20, 700)),
            spread=str(rng.choice(["constant", "constant", "digits", "uniform"])),
            answer_bytes=int(rng.choice([0, 0, 8, 60])),
        )
    return acts


_TELEMETRY = conversation("telemetry", "telemetry", _draw, ports=(4000, 5683, 9123), clients=(2, 6))
ACTORS = (_TELEMETRY, over_tls(_TELEMETRY, (443, 8443, 9443)))
