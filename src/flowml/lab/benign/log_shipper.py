"""Log shippers that want receipts: windows of events, each confirmed with a few constant bytes.

Lumberjack (Beats) confirms a window with six bytes (version, kind, sequence number) and sends one again while
the receiver works on it; RELP answers each message with some 20 bytes of text; Fluentd's forward protocol
echoes the identifier of a chunk. Windows are compressed and differ in size; quiet hosts send one constant
line by the clock.
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
    acts = {
        "window": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 1.0, 60.0), 2),
            rhythm=str(rng.choice(["jittered", "random", "bursty"])),
            n_bytes=int(log_uniform(rng, 90, 3000)),
            spread=str(rng.choice(["digits", "uniform", "lognormal", "heavy"])),
            answer_bytes=int(rng.choice([6, 6, 19, 21, 34])),
            answer_spread=str(rng.choice(["constant", "digits"])),
            think_s=round(log_uniform(rng, 0.002, 0.5), 4),
            waits=bool(rng.random() < 0.7),
            run=float(rng.choice([1.0, 2.0, 5.0])),
        ),
    }
    if rng.random() < 0.5:
        acts["own_metrics"] = Act(
            False, 30.0, "steady", int(log_uniform(rng, 200, 2500)), "digits", int(rng.choice([6, 20]))
        )
    return written(
        acts, Opening(1, int(log_uniform(rng, 10, 300)), welcome_bytes=int(log_uniform(rng, 6, 200))), 0.4
    )


_SHIPPER = conversation("log-shipper", "logs", _draw, ports=(5044, 20514, 24224), clients=(2, 5))
ACTORS = (_SHIPPER, over_tls(_SHIPPER, (5044, 443, 24224)))
