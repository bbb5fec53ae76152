"""Order entry at an exchange: binary orders of constant sizes, each confirmed at once, and heartbeats.

SoupBinTCP 3.00 (two bytes of length and a kind; heartbeats of 3 bytes each second from both sides where
nothing else is sent) with OUCH-like orders of 49 bytes and confirmations of 66, executions of 40 that come
later. Other venues beat every 1 to 30 s. On the wire it is stratum with other numbers; a strategy's clock
and its bursts tell it apart.
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
    order_s = round(log_uniform(rng, 1.0, 120.0), 2)
    beat_s = float(rng.choice([1.0, 1.0, 10.0, 30.0]))
    acts = {
        "order": Act(
            by_server=False,
            period_s=order_s,
            rhythm=str(rng.choice(["steady", "random", "bursty", "bursty"])),
            n_bytes=int(rng.choice([52, 52, 70, 120])),
            spread=str(rng.choice(["constant", "types"])),
            answer_bytes=int(rng.choice([69, 69, 90, 140])),
            think_s=round(log_uniform(rng, 0.0002, 0.01), 5),
            run=float(rng.choice([1.0, 2.0, 8.0])),
        ),
        "execution": Act(True, order_s * float(rng.uniform(1.0, 5.0)), "random", 43, "types", run=2.0),
        "beat_out": Act(False, beat_s, n_bytes=3),
        "beat_in": Act(True, beat_s, n_bytes=3),
    }
    return written(acts, Opening(1, 49, "constant", 33, "constant"), 0.2)


_ORDERS = conversation("order-entry", "trading", _draw, ports=(9010, 26400), clients=(1, 3))
ACTORS = (_ORDERS, over_tls(_ORDERS, (443,)))
