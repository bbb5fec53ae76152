"""Message brokers: consumers that wait and confirm, producers that are confirmed, and their heartbeats.

Sizes and beats: AMQP 0-9-1 (frames of 8 bytes around a payload; basic.ack has 21 bytes, a heartbeat 8, sent
at half of the 30 to 60 s agreed); Kafka (a fetch is held for fetch.max.wait.ms, 0.5 s unless told otherwise,
group members beat every 3 s with some 100 bytes and are answered with 14 to 16); NATS (PING and PONG of 6
bytes, every 2 minutes from the server and often from clients, MSG with a head of some 40 bytes, +OK of 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import over_tls
from flowml.lab.benign.conversation import Act, Opening, conversation, written
from flowml.lab.benign.resemblance import unlike_mining
from flowml.lab.benign.sizes import SPREADS, log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters


def _draw(rng: Generator) -> Parameters:
    kinds = (_amqp_consumer, _amqp_producer, _kafka_consumer, _kafka_member, _kafka_producer, _nats)
    kind = kinds[int(rng.integers(len(kinds)))]
    opening = Opening(
        int(rng.choice([1, 2, 4])), int(log_uniform(rng, 40, 500)), "digits", int(log_uniform(rng, 20, 600))
    )
    return {**written(unlike_mining(kind, rng), opening, 0.2), "kind": kind.__name__[1:]}


def _amqp_consumer(rng: Generator) -> dict[str, Act]:
    return {
        "deliver": _message(rng, by_server=True, least_bytes=90, answer_bytes=21),
        "published": Act(False, 30.0, "random", 200, "lognormal", answered_ratio=0.0),
        **_both_beat(float(rng.choice([15.0, 30.0, 30.0])), 8),
    }


def _amqp_producer(rng: Generator) -> dict[str, Act]:
    confirm_bytes = int(rng.choice([0, 21]))
    return {
        "publish": _message(rng, by_server=False, least_bytes=80, answer_bytes=confirm_bytes),
        **_both_beat(float(rng.choice([15.0, 30.0, 30.0])), 8),
    }


def _kafka_consumer(rng: Generator) -> dict[str, Act]:
    held_s = float(rng.choice([0.5, 0.5, 5.0, 10.0, 30.0]))
    return {
        "fetch": Act(
            by_server=False,
            period_s=held_s,
            rhythm=str(rng.choice(["steady", "jittered", "random"])),
            n_bytes=int(rng.integers(70, 140)),
            answer_bytes=int(rng.integers(50, 90)),
            answer_spread=str(rng.choice(["constant", "heavy", "types"])),
            think_s=0.003,
            waits=True,
        ),
        "metadata": Act(False, 300.0, "jittered", 60, answer_bytes=700, answer_spread="uniform"),
    }


def _kafka_member(rng: Generator) -> dict[str, Act]:
    return {
        "beat": Act(
            by_server=False,
            period_s=float(rng.choice([3.0, 3.0, 10.0])),
            n_bytes=int(rng.integers(80, 130)),
            answer_bytes=int(rng.choice([14, 16])),
            think_s=0.002,
        ),
        "commit": Act(
            by_server=False,
            period_s=float(rng.choice([5.0, 5.0, 60.0])),
            rhythm=str(rng.choice(["steady", "random"])),
            n_bytes=int(rng.integers(130, 260)),
            spread="digits",
            answer_bytes=int(rng.integers(30, 60)),
        ),
    }


def _kafka_producer(rng: Generator) -> dict[str, Act]:
    return {
        "produce": _message(rng, by_server=False, least_bytes=170, answer_bytes=int(rng.integers(50, 70))),
        "metadata": Act(False, 300.0, "jittered", 60, answer_bytes=700, answer_spread="uniform"),
    }


def _nats(rng: Generator) -> dict[str, Act]:
    return {
        "message": _message(rng, by_server=True, least_bytes=50, answer_bytes=0),
        "publish": _message(rng, by_server=False, least_bytes=50, answer_bytes=int(rng.choice([0, 5, 180]))),
        "ping": Act(
            bool(rng.random() < 0.6), float(rng.choice([20.0, 60.0, 120.0])), n_bytes=6, answer_bytes=6
        ),
    }


def _message(rng: Generator, *, by_server: bool, least_bytes: int, answer_bytes: int) -> Act:
    return Act(
        by_server=by_server,
        period_s=round(log_uniform(rng, 1.0, 120.0), 2),
        rhythm=str(rng.choice(["steady", "jittered", "random", "bursty"])),
        n_bytes=least_bytes + int(log_uniform(rng, 8, 2000)),
        spread=str(rng.choice(SPREADS)),
        answer_bytes=answer_bytes,
        think_s=round(log_uniform(rng, 0.001, 0.5), 4),
        run=float(rng.choice([1.0, 1.0, 4.0])),
    )


def _both_beat(period_s: float, n_bytes: int) -> dict[str, Act]:
    return {
        "beat_out": Act(False, period_s, n_bytes=n_bytes),
        "beat_in": Act(True, period_s, n_bytes=n_bytes),
    }


_BROKER = conversation("broker", "message-broker", _draw, ports=(5672, 9092, 4222), clients=(3, 6))
ACTORS = (_BROKER, over_tls(_BROKER, (5671, 9093, 443)))
