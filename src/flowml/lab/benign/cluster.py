"""Members of clusters that watch each other, and drivers that watch the cluster: the same bytes for ever.

MongoDB's drivers (Server Discovery and Monitoring): a "hello" every 10 s on a connection of its own, or one
that the server answers again and again, unasked, at each change and every 10 s (awaitable hello). ZooKeeper:
a ping of 12 bytes and its answer of 20 at a third of the session's 4 to 60 s. Redis: replicas that confirm
each second what they have (REPLCONF ACK, some 37 bytes) while the primary writes and pings every 10 s with
14, workers whose BRPOP is held for 1 to 5 s and comes back empty with 5 bytes. Elasticsearch, Hazelcast,
etcd and Galera: a ping every 0.5 to 5 s of one size each way, and a state that is told when it changes.
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
    kinds = (_hello, _awaited_hello, _session, _replica, _worker, _member)
    kind = kinds[int(rng.integers(len(kinds)))]
    opening = Opening(
        int(rng.choice([1, 1, 2, 4])), int(log_uniform(rng, 14, 500)), "digits", int(log_uniform(rng, 7, 900))
    )
    return {**written(unlike_mining(kind, rng), opening, 0.05), "kind": kind.__name__[1:]}


def _hello(rng: Generator) -> dict[str, Act]:
    return {
        "hello": Act(
            by_server=False,
            period_s=float(rng.choice([5.0, 10.0, 10.0, 10.0, 30.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=int(rng.integers(58, 340)),
            answer_bytes=int(rng.integers(200, 900)),
            think_s=0.001,
            waits=True,
        ),
    }


def _awaited_hello(rng: Generator) -> dict[str, Act]:
    state_bytes = int(rng.integers(250, 900))
    return {
        "state": Act(True, 10.0, "steady", state_bytes, str(rng.choice(["constant", "digits"]))),
        "change": Act(
            True, float(rng.choice([60.0, 300.0])), "random", state_bytes + int(rng.integers(0, 60))
        ),
        "round_trip": Act(False, 10.0, "steady", int(rng.integers(58, 140)), answer_bytes=state_bytes // 2),
    }


def _session(rng: Generator) -> dict[str, Act]:
    acts = {
        "ping": Act(
            by_server=False,
            period_s=float(rng.choice([1.3, 3.3, 6.7, 10.0, 13.3])),
            n_bytes=12,
            answer_bytes=20,
            think_s=0.001,
        ),
        "read": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 5.0, 200.0), 1),
            rhythm=str(rng.choice(["random", "bursty", "steady"])),
            n_bytes=int(rng.integers(25, 110)),
            spread="types",
            answer_bytes=int(log_uniform(rng, 20, 900)),
            answer_spread="types",
        ),
    }
    if rng.random() < 0.5:
        acts["event"] = Act(
            True, round(log_uniform(rng, 20.0, 400.0), 1), "random", int(rng.integers(40, 100))
        )
    return acts


def _replica(rng: Generator) -> dict[str, Act]:
    return {
        "confirm": Act(False, 1.0, "steady", 37, "digits"),
        "ping": Act(True, 10.0, "steady", 14),
        "write": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 0.5, 60.0), 2),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 40, 900)),
            spread=str(rng.choice(["digits", "types", "lognormal"])),
            run=float(rng.choice([1.0, 4.0])),
        ),
    }


def _worker(rng: Generator) -> dict[str, Act]:
    return {
        "pop": Act(
            by_server=False,
            period_s=0.01,
            n_bytes=int(rng.integers(40, 200)),
            answer_bytes=int(rng.choice([5, 5, 5, 240])),
            answer_spread=str(rng.choice(["constant", "types"])),
            think_s=float(rng.choice([1.0, 2.0, 5.0])),
            waits=True,
        ),
        "beat": Act(
            by_server=False,
            period_s=float(rng.choice([5.0, 10.0, 30.0])),
            n_bytes=int(log_uniform(rng, 14, 600)),
            spread="digits",
            answer_bytes=int(rng.choice([4, 5, 7, 30])),
        ),
    }


def _member(rng: Generator) -> dict[str, Act]:
    ping_bytes = int(log_uniform(rng, 6, 160))
    period_s = float(rng.choice([0.5, 1.0, 1.0, 3.0, 5.0]))
    return {
        "ping_out": Act(
            False, period_s, n_bytes=ping_bytes, answer_bytes=int(rng.choice([0, ping_bytes, 40]))
        ),
        "ping_in": Act(True, period_s, n_bytes=ping_bytes, answer_bytes=int(rng.choice([0, ping_bytes, 40]))),
        "state": Act(
            by_server=bool(rng.random() < 0.5),
            period_s=round(log_uniform(rng, 5.0, 120.0), 1),
            rhythm=str(rng.choice(["steady", "random", "bursty"])),
            n_bytes=int(log_uniform(rng, 100, 3000)),
            spread=str(rng.choice(["digits", "types"])),
            answer_bytes=int(rng.choice([0, 20, 60])),
        ),
    }


_CLUSTER = conversation("cluster", "database", _draw, ports=(27017, 2181, 6379, 9300, 5701), clients=(2, 6))
ACTORS = (_CLUSTER, over_tls(_CLUSTER, (27017, 6380, 2380, 9300)))
