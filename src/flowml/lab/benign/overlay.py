"""Other peers that gossip: nodes of chains without mining, Lightning, libp2p and BitTorrent.

Lightning (https://github.com/lightning/bolts): a message has 18 bytes before it and a tag of 16 behind;
gossip is flushed every 60 s; pings and pongs of a length of one's choice. libp2p's gossipsub
(https://github.com/libp2p/specs): a heartbeat each second or less often, with control messages; yamux and
noise add 12 and 18 bytes. BitTorrent (BEP 3): four bytes to keep alive every two minutes, nine to say what
one has. Validators' votes and slots make a beat of 0.4 to 12 s. Gnutella (0.6) packs its pings of 23 bytes,
queries and routes, so that they are of 8 to 150, and pings by the clock on each of several links; eDonkey
asks and tells again and again in messages of one size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.benign.conversation import Act, Opening, conversation, written
from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters


def _draw(rng: Generator) -> Parameters:
    kind = str(rng.choice(["lightning", "gossipsub", "torrent", "validator", "gnutella", "edonkey"]))
    acts = {
        "lightning": _lightning,
        "gossipsub": _gossipsub,
        "torrent": _torrent,
        "validator": _validator,
        "gnutella": _gnutella,
        "edonkey": _edonkey,
    }[kind](rng)
    opening = Opening(2, int(rng.choice([50, 68, 230])), "constant", 90)
    if kind == "gnutella":  # HTTP-like fields of both sides, then the routes of one
        opening = Opening(2, int(rng.integers(100, 310)), "types", int(rng.integers(280, 900)), "uniform")
    return {**written(acts, opening, 0.1), "kind": kind}


def _both(act: str, by_client: Act, by_server: Act) -> dict[str, Act]:
    return {f"{act}_out": by_client, f"{act}_in": by_server}


def _lightning(rng: Generator) -> dict[str, Act]:
    n_bytes = 34 + int(rng.choice([136, 138, 174, 430]))
    pings_s = float(rng.choice([30.0, 60.0, 60.0]))
    flush_s = float(rng.choice([60.0, 60.0, 90.0]))
    run = float(rng.choice([1.0, 4.0, 20.0]))
    pong = int(rng.integers(38, 160))
    return {
        **_both(
            "ping",
            Act(False, pings_s, "jittered", int(rng.integers(38, 160)), answer_bytes=pong),
            Act(True, pings_s, "jittered", int(rng.integers(38, 160)), answer_bytes=pong),
        ),
        **_both(
            "gossip",
            Act(False, flush_s, n_bytes=n_bytes, spread="types", run=run),
            Act(True, flush_s, n_bytes=n_bytes, spread="types", run=run),
        ),
    }


def _gossipsub(rng: Generator) -> dict[str, Act]:
    beat_s = float(rng.choice([0.7, 1.0, 1.0, 5.0, 10.0]))
    topics_bytes = int(log_uniform(rng, 60, 600))
    message_s = round(log_uniform(rng, 0.5, 30.0), 2)
    message = int(log_uniform(rng, 150, 3000))
    return {
        **_both(
            "control",
            Act(False, beat_s, "jittered", topics_bytes, "types", 70, "uniform", 0.1),
            Act(True, beat_s, "jittered", topics_bytes, "types", 70, "uniform", 0.1),
        ),
        **_both(
            "message",
            Act(False, message_s, "random", message, "types", run=2.0),
            Act(True, message_s, "random", message, "types", run=2.0),
        ),
        "ping": Act(False, float(rng.choice([15.0, 30.0])), n_bytes=64, answer_bytes=64, think_s=0.001),
    }


def _torrent(rng: Generator) -> dict[str, Act]:
    have_s = round(log_uniform(rng, 1.0, 60.0), 2)
    return {
        **_both("alive", Act(False, 120.0, n_bytes=4), Act(True, 120.0, n_bytes=4)),
        **_both(
            "have",
            Act(False, have_s, "random", 9, run=float(rng.choice([1.0, 3.0]))),
            Act(True, have_s * float(rng.uniform(0.3, 3.0)), "random", 9),
        ),
        "request": Act(False, 8 * have_s, "bursty", 17, answer_bytes=16_397, answered_ratio=0.6, think_s=0.1),
    }


def _validator(rng: Generator) -> dict[str, Act]:
    slot_s = float(rng.choice([0.4, 1.0, 2.0, 4.0, 6.0, 12.0]))
    vote = int(log_uniform(rng, 90, 500))
    return {
        **_both(
            "vote",
            Act(False, slot_s, "jittered", vote, "digits", run=float(rng.choice([1.0, 4.0]))),
            Act(True, slot_s, "jittered", vote, "digits", run=float(rng.choice([1.0, 4.0]))),
        ),
        "proposal": Act(True, slot_s * 4, "random", int(log_uniform(rng, 500, 9000)), "lognormal"),
        "alive": Act(bool(rng.random() < 0.5), 10.0, "jittered", 36, answer_bytes=36),
    }


def _gnutella(rng: Generator) -> dict[str, Act]:
    beat_s = float(rng.choice([25.0, 30.0, 60.0, 70.0]))
    pong = int(rng.integers(110, 150))
    return {
        **_both(
            "ping",
            Act(False, beat_s, "jittered", int(rng.choice([9, 12, 25, 54])), answer_bytes=pong, think_s=0.8),
            Act(True, 70.0, "jittered", int(rng.choice([9, 10])), answer_bytes=8, think_s=0.5),
        ),
        "route": Act(False, 60.0, "steady", int(rng.choice([17, 19, 23])), "digits", 250, "uniform"),
        "query": Act(True, round(log_uniform(rng, 10.0, 90.0), 1), "random", 120, "lognormal"),
    }


def _edonkey(rng: Generator) -> dict[str, Act]:
    n_bytes = int(rng.integers(90, 160))
    beat_s = float(rng.choice([6.0, 12.0, 12.0, 30.0]))
    return {
        **_both(
            "again",
            Act(False, beat_s * float(rng.choice([1.0, 3.0])), "jittered", n_bytes - 8),
            Act(True, beat_s, "jittered", n_bytes),
        ),
        "rank": Act(
            True, float(rng.choice([60.0, 200.0])), "random", 11, answer_bytes=int(rng.choice([0, 22]))
        ),
    }


ACTORS = (
    conversation("overlay", "cryptocurrency-node", _draw, ports=(9735, 26656, 9000, 6881), clients=(2, 5)),
)
