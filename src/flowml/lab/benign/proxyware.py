"""Shared bandwidth: programs that let others fetch pages through a home's line, and pay in coins for it.

Near to mining malware in how it comes and what it earns, and no mining: a control connection with a sign of
life every 10 to 120 s, orders to fetch something that come at random, what was fetched in return, a report
of the device by the clock.
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
        int(rng.choice([1, 2])), int(log_uniform(rng, 100, 900)), "digits", int(log_uniform(rng, 30, 600))
    )
    return written(unlike_mining(_acts, rng), opening, 0.1)


def _acts(rng: Generator) -> dict[str, Act]:
    beat_bytes = int(rng.integers(4, 130))
    return {
        "alive": Act(
            by_server=bool(rng.random() < 0.4),
            period_s=float(rng.choice([10.0, 20.0, 30.0, 60.0, 120.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=beat_bytes,
            answer_bytes=int(rng.choice([4, beat_bytes, beat_bytes + 20])),
        ),
        "order": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 5.0, 300.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 120, 900)),
            spread=str(rng.choice(["types", "uniform", "lognormal"])),
            answer_bytes=int(log_uniform(rng, 300, 9000)),
            answer_spread="heavy",
            think_s=0.3,
            run=float(rng.choice([1.0, 3.0])),
        ),
        "device": Act(
            by_server=False,
            period_s=float(rng.choice([60.0, 120.0, 300.0])),
            rhythm="jittered",
            n_bytes=int(log_uniform(rng, 120, 900)),
            spread="digits",
            answer_bytes=int(rng.choice([0, 20, 60])),
        ),
    }


_PROXYWARE = conversation("proxyware", "proxyware", _draw, ports=(8080, 6060), clients=(2, 5))
ACTORS = (_PROXYWARE, over_tls(_PROXYWARE, (443, 4443)))
