"""Applications that nobody wrote: connections drawn from all that long-lived ones are made of.

A model that has seen thirty named protocols knows thirty protocols. Here each server is a protocol of its
own: one to five acts (``conversation.Act``), each with a side, a rhythm, sizes and answers of its own. No two
origins are alike, so what they have in common is what benign traffic means. A draw that is what miners do,
and nothing else, is thrown away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import over_tls
from flowml.lab.benign.conversation import Act, Opening, conversation, written
from flowml.lab.benign.resemblance import NEARLY_CONSTANT, unlike_mining
from flowml.lab.benign.sizes import SPREADS, log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_RHYTHMS = ("steady", "jittered", "random", "bursty")
_MOST_MESSAGES_PER_S = 4.0


def _draw(rng: Generator) -> Parameters:
    opening = Opening(
        rounds=int(rng.choice([1, 1, 2, 3])),
        has_banner=bool(rng.random() < 0.2),
        hello_bytes=int(log_uniform(rng, 8, 1500)),
        hello_spread=str(rng.choice(SPREADS[:4])),
        welcome_bytes=int(log_uniform(rng, 4, 4000)),
        welcome_spread=str(rng.choice(SPREADS[:4])),
    )
    return written(draw_acts(rng), opening, float(rng.choice([0.0, 0.0, 0.1, 0.6])))


def draw_acts(rng: Generator) -> dict[str, Act]:
    """Draw the acts of an application; never just a miner's and a pool's."""
    return unlike_mining(_acts, rng)


def _acts(rng: Generator) -> dict[str, Act]:
    acts = [_act(rng) for _ in range(int(rng.choice([1, 2, 2, 3, 3, 4, 5])))]
    if rng.random() < 0.5:
        acts.append(_heartbeat(rng))
    return {f"act{number}": act for number, act in enumerate(acts)}


def _act(rng: Generator) -> Act:
    period_s = log_uniform(rng, 1.0, 300.0)
    run = float(rng.choice([1.0, 1.0, 1.0, 2.0, 6.0]))
    answer = rng.choice(["none", "none", "acknowledged", "acknowledged", "answered", "awaited"])
    draws_answer = {"none": (0, 0), "acknowledged": (3, 120), "answered": (30, 3000), "awaited": (30, 3000)}
    low, high = draws_answer[str(answer)]
    return Act(
        by_server=bool(rng.random() < 0.4),
        period_s=round(max(period_s, run / _MOST_MESSAGES_PER_S), 3),
        rhythm=str(rng.choice(_RHYTHMS)),
        n_bytes=int(log_uniform(rng, 4, 3000)),
        spread=str(rng.choice(SPREADS)),
        answer_bytes=int(log_uniform(rng, low, high)) if high else 0,
        answer_spread=str(rng.choice(NEARLY_CONSTANT if answer == "acknowledged" else SPREADS)),
        answered_ratio=float(rng.choice([1.0, 1.0, 0.5])),
        think_s=round(log_uniform(rng, 0.0005, 3.0), 4),
        waits=bool(answer == "awaited"),
        run=run,
        run_gap_s=round(log_uniform(rng, 0.002, 1.0), 4),
    )


def _heartbeat(rng: Generator) -> Act:
    return Act(
        by_server=bool(rng.random() < 0.4),
        period_s=float(rng.choice([5, 10, 15, 20, 25, 30, 30, 45, 60, 60, 90, 120, 180, 240, 270, 300])),
        rhythm=str(rng.choice(["steady", "steady", "jittered"])),
        n_bytes=int(log_uniform(rng, 3, 80)),
        answer_bytes=int(rng.choice([0, int(log_uniform(rng, 3, 80))], p=[0.2, 0.8])),
        think_s=0.002,
    )


_APPLICATION = conversation("application", "application", _draw, ports=(4100, 7001, 9400), clients=(2, 4))
ACTORS = (_APPLICATION, over_tls(_APPLICATION, (443, 8443, 8883)))
