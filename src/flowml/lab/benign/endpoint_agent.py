"""Agents on machines: metrics, traces, events and orders of whoever looks after them.

Metrics go every 10 to 60 s, compressed and so of nearly one size, and are confirmed with a few constant
bytes (OTLP, Datadog's and Elastic's agents); security agents keep a connection for ever with heartbeats,
events as they happen, each confirmed, and rules pushed to all machines at once.
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
        int(rng.choice([1, 2])), int(log_uniform(rng, 120, 2500)), "uniform", int(log_uniform(rng, 30, 3000))
    )
    draw = _metrics if rng.random() < 0.5 else _security
    return written(unlike_mining(draw, rng), opening, float(rng.choice([0.0, 0.1])))


def _metrics(rng: Generator) -> dict[str, Act]:
    period_s = float(rng.choice([10.0, 10.0, 15.0, 15.0, 30.0, 60.0]))
    answer_bytes = int(log_uniform(rng, 12, 300))
    acts = {
        "metrics": Act(
            by_server=False,
            period_s=period_s,
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=int(log_uniform(rng, 300, 9000)),
            spread=str(rng.choice(["digits", "uniform", "types"])),
            answer_bytes=answer_bytes,
            think_s=round(log_uniform(rng, 0.003, 0.2), 4),
            run=float(rng.choice([1.0, 1.0, 2.0])),
        ),
    }
    if rng.random() < 0.5:
        acts["traces"] = Act(
            by_server=False,
            period_s=float(rng.choice([1.0, 5.0, 10.0])),
            rhythm="random",
            n_bytes=int(log_uniform(rng, 200, 4000)),
            spread="heavy",
            answer_bytes=answer_bytes,
        )
    return acts


def _security(rng: Generator) -> dict[str, Act]:
    beat_bytes = int(rng.integers(20, 180))
    return {
        "heartbeat": Act(
            by_server=bool(rng.random() < 0.3),
            period_s=float(rng.choice([15.0, 30.0, 60.0, 120.0, 300.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=beat_bytes,
            answer_bytes=int(rng.choice([0, beat_bytes, 40])),
        ),
        "event": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 2.0, 120.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 150, 2000)),
            spread=str(rng.choice(["types", "uniform", "lognormal"])),
            answer_bytes=int(log_uniform(rng, 12, 120)),
            run=float(rng.choice([1.0, 2.0, 5.0])),
        ),
        "rule": Act(
            by_server=True,
            period_s=float(rng.choice([120.0, 600.0])),
            rhythm="random",
            n_bytes=int(log_uniform(rng, 60, 4000)),
            spread="lognormal",
            answer_bytes=int(rng.choice([0, 40, 90])),
        ),
    }


_AGENT = conversation("endpoint-agent", "telemetry", _draw, ports=(4317, 5044, 8125), clients=(3, 8))
ACTORS = (_AGENT, over_tls(_AGENT, (443, 4318, 8443)))
