"""MariaDB-like pools: a banner, a login, questions by the clock, and pings that see whether it lives.

(MariaDB client/server protocol.) A packet has a head of 4 bytes. The server speaks first with some 80 to 110
bytes, the login has 80 to 300; COM_PING has 5 bytes with its head and is answered with OK in 11, a write
likewise; a question's answer counts its columns and lists rows. Pools ping each 0.5 to 5 minutes, before use
or by the clock, and replicas are sent each change and a heartbeat when there was none.
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

_PING_BYTES, _OK_BYTES = 5, 11


def _draw(rng: Generator) -> Parameters:
    opening = Opening(
        hello_bytes=int(rng.integers(80, 300)),
        welcome_bytes=int(rng.integers(80, 110)),
        has_banner=True,
    )
    kind = _replica if rng.random() < 0.2 else _pool
    return written(unlike_mining(kind, rng), opening, 0.2)


def _pool(rng: Generator) -> dict[str, Act]:
    return {
        "question": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 1.0, 120.0), 2),
            rhythm=str(rng.choice(["steady", "jittered", "random", "bursty"])),
            n_bytes=int(log_uniform(rng, 15, 900)),
            spread=str(rng.choice(SPREADS)),
            answer_bytes=int(log_uniform(rng, 60, 6000)),
            answer_spread=str(rng.choice(SPREADS)),
            think_s=round(log_uniform(rng, 0.0005, 0.2), 4),
            waits=True,
            run=float(rng.choice([1.0, 2.0, 6.0])),
        ),
        "write": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 5.0, 300.0), 2),
            rhythm="random",
            n_bytes=int(log_uniform(rng, 40, 900)),
            spread=str(rng.choice(SPREADS[1:])),
            answer_bytes=_OK_BYTES,
            answer_spread="digits",
            think_s=0.004,
        ),
        "ping": Act(
            by_server=False,
            period_s=float(rng.choice([30.0, 60.0, 300.0])),
            n_bytes=_PING_BYTES,
            answer_bytes=_OK_BYTES,
            think_s=0.0005,
        ),
    }


def _replica(rng: Generator) -> dict[str, Act]:
    return {
        "change": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 1.0, 60.0), 2),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 150, 2000)),
            spread=str(rng.choice(SPREADS[1:])),
            answer_bytes=int(rng.choice([0, 24, 30])),
        ),
        "heartbeat": Act(True, float(rng.choice([1.0, 5.0, 30.0])), n_bytes=int(rng.integers(40, 70))),
    }


_MARIADB = conversation("mariadb", "database", _draw, ports=(3306,), clients=(2, 6))
ACTORS = (_MARIADB, over_tls(_MARIADB, (3306, 3307)))
