"""Terminals and switches of payments: a question of some hundred bytes, its approval, an echo by the clock.

ISO 8583 over TCP with two bytes of length before a message: an authorisation (0100) of 150 to 450 bytes and
its answer (0110) of 80 to 250, network management (0800, 0810) of 30 to 90 each way every 30 to 180 s.
Terminals send one now and then, switches and acquirers many over one connection, in both directions.
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
    sign_on = int(rng.integers(30, 90))
    return written(unlike_mining(_acts, rng), Opening(1, sign_on, "constant", sign_on + 3, "constant"), 0.5)


def _acts(rng: Generator) -> dict[str, Act]:
    echo_bytes = int(rng.integers(30, 90))
    spread = str(rng.choice(["digits", "types", "uniform"]))
    question = Act(
        by_server=False,
        period_s=round(log_uniform(rng, 1.0, 90.0), 1),
        rhythm=str(rng.choice(["random", "bursty"])),
        n_bytes=int(rng.integers(150, 450)),
        spread=spread,
        answer_bytes=int(rng.integers(80, 250)),
        answer_spread=str(rng.choice(["digits", "types"])),
        think_s=round(log_uniform(rng, 0.03, 0.8), 3),
    )
    acts = {
        "authorisation": question,
        "echo": Act(
            by_server=bool(rng.random() < 0.3),
            period_s=float(rng.choice([30.0, 60.0, 60.0, 120.0, 180.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=echo_bytes,
            answer_bytes=echo_bytes + int(rng.choice([0, 3])),
        ),
    }
    if rng.random() < 0.3:  # an issuer is asked too
        acts["advice"] = Act(
            True, question.period_s * 3.0, "random", int(rng.integers(120, 400)), spread, 90, "digits"
        )
    return acts


_PAYMENT = conversation("payment", "payment", _draw, ports=(5000, 8583, 10260), clients=(2, 6))
ACTORS = (_PAYMENT, over_tls(_PAYMENT, (443, 5443)))
