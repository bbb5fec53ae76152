"""Meetings whose signalling, and at times sound, goes through TLS because UDP is shut.

Beside what is said (packets of nearly one size, with silence suppressed only a few a second or fewer, RFC
3389), each side reports what it received (RTCP in RTP's profile, RFC 3550: every 5 s, some 60 to 120 bytes,
framed as in RFC 4571 with two bytes more), the roster and the speaker change, and clients ask whether the
meeting still goes on every 1 to 30 s. TURN over TCP or TLS refreshes its leave every 4 to 10 min and its
permissions sooner (RFC 8656), with some 100 to 170 bytes and answers of 60 to 110, and is probed by ICE every
15 s (RFC 7675: every 5 s, 100 to 140 bytes each way).
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
        int(rng.integers(1, 5)), int(log_uniform(rng, 90, 1200)), "types", int(rng.integers(60, 3000))
    )
    draw = (_meeting, _signalling, _relay)[int(rng.integers(3))]
    return written(unlike_mining(draw, rng), opening, float(rng.choice([0.0, 0.2])))


def _meeting(rng: Generator) -> dict[str, Act]:
    heard_s = float(rng.choice([0.1, 0.5, 2.0, 10.0]))
    sound_bytes, report_bytes = int(rng.integers(60, 140)), int(rng.integers(62, 122))
    return {
        "noise": Act(False, heard_s * float(rng.choice([1.0, 3.0])), "random", sound_bytes, "digits"),
        "sound": Act(True, heard_s, "bursty", sound_bytes, "digits", run=float(rng.choice([1.0, 10.0]))),
        "sent": Act(False, 5.0, "jittered", report_bytes),
        "received": Act(True, 5.0, "jittered", report_bytes - int(rng.choice([0, 20]))),
    }


def _signalling(rng: Generator) -> dict[str, Act]:
    asked_bytes = int(log_uniform(rng, 40, 400))
    return {
        "poll": Act(
            by_server=False,
            period_s=float(rng.choice([1.0, 3.0, 7.0, 15.0, 30.0])),
            rhythm=str(rng.choice(["steady", "jittered", "random"])),
            n_bytes=asked_bytes,
            spread=str(rng.choice(["constant", "digits"])),
            answer_bytes=int(rng.choice([0, 8, 16, 40, 120])),
            answered_ratio=float(rng.choice([0.5, 1.0])),
            think_s=0.02,
        ),
        "roster": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 1.0, 90.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 60, 900)),
            spread=str(rng.choice(["digits", "types", "lognormal"])),
            answer_bytes=int(rng.choice([0, 0, 16, 61])),
        ),
        "quality": Act(
            False, float(rng.choice([5.0, 10.0, 30.0])), "steady", int(log_uniform(rng, 200, 3000)), "uniform"
        ),
    }


def _relay(rng: Generator) -> dict[str, Act]:
    check_bytes = int(rng.integers(96, 140))
    check_s = float(rng.choice([2.5, 5.0, 5.0, 15.0]))
    return {
        "refresh": Act(
            by_server=False,
            period_s=float(rng.choice([60.0, 120.0, 240.0])),
            rhythm="jittered",
            n_bytes=int(rng.integers(100, 170)),
            answer_bytes=int(rng.integers(60, 110)),
            run=float(rng.choice([1.0, 2.0])),
        ),
        "check_out": Act(
            False, check_s, "jittered", check_bytes, answer_bytes=check_bytes - 20, think_s=0.05
        ),
        "check_in": Act(True, check_s, "jittered", check_bytes, answer_bytes=check_bytes - 20, think_s=0.002),
    }


_CONFERENCE = conversation("conference", "signalling", _draw, ports=(3478, 80), clients=(2, 5))
ACTORS = (_CONFERENCE, over_tls(_CONFERENCE, (443, 5349)))
