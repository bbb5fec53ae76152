"""Launchers of games and their friends lists: heartbeats, presence of others, news, a download at times.

A client of a store holds one connection (TCP with a length before each message, or WebSocket): a heartbeat
of constant size every 9 to 60 s, mostly without an answer, states of friends pushed in bursts of a few
sizes, calls with answers when its owner looks at something.
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
        int(rng.choice([2, 3, 5])), int(log_uniform(rng, 60, 900)), "types", int(log_uniform(rng, 60, 4000))
    )
    return written(unlike_mining(_acts, rng), opening, 0.2)


def _acts(rng: Generator) -> dict[str, Act]:
    return {
        "heartbeat": Act(
            by_server=False,
            period_s=float(rng.choice([9.0, 25.0, 30.0, 60.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=int(rng.choice([20, 34, 43, 60])),
            answer_bytes=int(rng.choice([0, 0, 34, 60])),
        ),
        "presence": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 8.0, 200.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 60, 700)),
            spread=str(rng.choice(["digits", "types", "lognormal"])),
            run=float(rng.choice([1.0, 2.0])),
        ),
        "call": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 40.0, 600.0), 1),
            rhythm="bursty",
            n_bytes=int(log_uniform(rng, 60, 500)),
            spread="types",
            answer_bytes=int(log_uniform(rng, 100, 9000)),
            answer_spread="heavy",
            think_s=0.05,
            waits=True,
            run=float(rng.choice([1.0, 4.0])),
        ),
    }


_LAUNCHER = conversation("launcher", "game", _draw, ports=(27017, 1119, 5222), clients=(2, 5))
ACTORS = (_LAUNCHER, over_tls(_LAUNCHER, (443, 27018)))
