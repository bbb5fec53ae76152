"""Chats at work: events of many kinds pushed over one WebSocket, pings by the clock, presence by people.

Beats: a heartbeat of the client every 41 s with its acknowledgement (Discord's gateway), a ping with a
counter every 10 s (Slack), a comment of the server every 15 to 30 s with an answer (socket.io, Teams);
typing, presence and messages of others come in bursts that follow the hours of the day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import over_tls
from flowml.lab.benign.conversation import Act, Opening, conversation, written
from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_BEATS = ((41.25, 25, 11, False), (10.0, 33, 46, False), (25.0, 4, 4, True), (30.0, 60, 40, False))


def _draw(rng: Generator) -> Parameters:
    opening = Opening(
        int(rng.choice([1, 2])),
        int(log_uniform(rng, 300, 2500)),
        "uniform",
        int(log_uniform(rng, 200, 20_000)),
    )
    return written(_acts(rng), opening, 0.5)


def _acts(rng: Generator) -> dict[str, Act]:
    period_s, ping_bytes, pong_bytes, by_server = _BEATS[int(rng.integers(len(_BEATS)))]
    pace = log_uniform(rng, 0.3, 8.0)
    return {
        "ping": Act(by_server, period_s, "jittered", ping_bytes, "digits", pong_bytes, "digits"),
        "event": Act(
            by_server=True,
            period_s=12.0 * pace,
            rhythm="bursty",
            n_bytes=int(log_uniform(rng, 120, 900)),
            spread=str(rng.choice(["types", "lognormal", "heavy"])),
            answer_bytes=int(rng.choice([0, 0, 0, 45])),
        ),
        "typing": Act(
            by_server=True,
            period_s=25.0 * pace,
            rhythm="bursty",
            n_bytes=int(rng.integers(70, 200)),
            spread="digits",
            run=float(rng.choice([1.0, 3.0])),
            run_gap_s=4.0,
        ),
        "said": Act(
            by_server=False,
            period_s=60.0 * pace,
            rhythm="bursty",
            n_bytes=int(rng.integers(120, 500)),
            spread="lognormal",
            answer_bytes=int(rng.integers(60, 400)),
            answer_spread="lognormal",
            think_s=0.08,
        ),
    }


ACTORS = (over_tls(conversation("work-chat", "messenger", _draw, ports=(80,), clients=(2, 6)), (443,)),)
