"""OPC UA: questions that lie at the server until values change, and values of one size at the interval.

OPC 10000-4 and -6: a client keeps Publish requests of some 80 to 130 bytes waiting; each is answered at the
publishing interval (0.5 to 10 s) with the values that changed, or as a sign of life of constant size after
some silent intervals. Beside that the client reads the server's state every 5 s and renews its channel
seldom.
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
        int(rng.integers(4, 9)),
        int(log_uniform(rng, 60, 600)),
        "types",
        int(log_uniform(rng, 60, 2000)),
        "types",
    )
    return written(unlike_mining(_acts, rng), opening, 0.0)


def _acts(rng: Generator) -> dict[str, Act]:
    interval_s = float(rng.choice([0.5, 1.0, 1.0, 5.0, 10.0, 30.0]))
    acts = {
        "publish": Act(
            by_server=False,
            period_s=0.002,
            n_bytes=int(rng.integers(78, 130)),
            answer_bytes=int(log_uniform(rng, 100, 900)),
            answer_spread=str(rng.choice(["constant", "digits", "types", "uniform"])),
            think_s=interval_s,
            waits=True,
        ),
    }
    if rng.random() < 0.7:
        state_bytes = int(rng.integers(90, 140))
        acts["state"] = Act(False, 5.0, n_bytes=state_bytes, answer_bytes=state_bytes - 20, think_s=0.004)
    if rng.random() < 0.4:
        acts["write"] = Act(
            False, round(log_uniform(rng, 5.0, 120.0), 1), "random", int(rng.integers(120, 300)), "digits", 64
        )
    return acts


_OPC_UA = conversation("opc-ua", "industrial", _draw, ports=(4840, 4841), clients=(1, 4))
ACTORS = (_OPC_UA, over_tls(_OPC_UA, (443, 4843)))
