"""Cameras and their recorders: signs of life for a stream that goes elsewhere, events, relays that wait.

RTSP (RFC 7826, 10.5; RFC 2326): a recorder asks OPTIONS or GET_PARAMETER of 90 to 250 bytes every 10 to 60 s
so that the session, whose pictures go over UDP, is not ended after 60; the answer has 60 to 200 bytes, both
of one size but for the digits of CSeq. ONVIF (Core, 9.2 pull points): PullMessages of 700 to 1,500 bytes is
held for up to 60 s or answered when something moves. A camera keeps a connection to its maker's relay for
whoever wants to look: heartbeats of 16 to 100 bytes, and orders.
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
    # OPTIONS, DESCRIBE, SETUP and PLAY; a sign-in; a greeting
    opening = Opening(
        int(rng.integers(1, 6)), int(log_uniform(rng, 60, 400)), "types", int(rng.integers(80, 700))
    )
    draw = (_rtsp, _pull_point, _relay)[int(rng.integers(3))]
    return written(unlike_mining(draw, rng), opening, float(rng.choice([0.0, 0.1])))


def _rtsp(rng: Generator) -> dict[str, Act]:
    n_bytes = int(rng.integers(90, 250))
    acts = {
        "alive": Act(
            by_server=False,
            period_s=float(rng.choice([10.0, 20.0, 25.0, 30.0, 30.0, 55.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=n_bytes,
            spread="digits",
            answer_bytes=int(rng.integers(60, 200)),
            answer_spread="digits",
            think_s=0.005,
        ),
    }
    if rng.random() < 0.4:  # sender reports of both streams, interleaved: 4 bytes and RTCP's 28 to 52
        report_bytes = 4 + int(rng.choice([28, 28, 48, 52]))
        acts["sender"] = Act(True, 5.0, "jittered", report_bytes, run=float(rng.choice([1.0, 2.0])))
        acts["receiver"] = Act(False, 5.0, "jittered", 4 + int(rng.choice([8, 32, 52])))
    return acts


def _pull_point(rng: Generator) -> dict[str, Act]:
    return {
        "pull": Act(
            by_server=False,
            period_s=0.05,
            n_bytes=int(rng.integers(700, 1500)),
            answer_bytes=int(rng.integers(600, 1400)),
            answer_spread=str(rng.choice(["constant", "types"])),
            think_s=float(rng.choice([5.0, 10.0, 30.0])),
            waits=True,
        ),
    }


def _relay(rng: Generator) -> dict[str, Act]:
    beat_bytes = int(rng.choice([16, 20, 24, 48, 72, 100]))
    acts = {
        "heartbeat": Act(
            by_server=bool(rng.random() < 0.2),
            period_s=float(rng.choice([5.0, 10.0, 15.0, 20.0, 30.0, 60.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=beat_bytes,
            answer_bytes=int(rng.choice([0, beat_bytes, beat_bytes, 32])),
            think_s=0.004,
        ),
    }
    if rng.random() < 0.7:
        acts["order"] = Act(
            by_server=True,
            period_s=round(log_uniform(rng, 30.0, 900.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 40, 500)),
            spread=str(rng.choice(["digits", "types"])),
            answer_bytes=int(log_uniform(rng, 40, 400)),
            answer_spread="digits",
            think_s=0.1,
        )
    if rng.random() < 0.5:
        acts["motion"] = Act(
            by_server=False,
            period_s=round(log_uniform(rng, 10.0, 300.0), 1),
            rhythm="bursty",
            n_bytes=int(log_uniform(rng, 120, 3000)),
            spread=str(rng.choice(["digits", "types", "lognormal"])),
            answer_bytes=int(log_uniform(rng, 16, 120)),
            think_s=0.05,
        )
    return acts


_CAMERA = conversation("camera", "iot", _draw, ports=(554, 8554, 80, 34567), clients=(2, 5))
ACTORS = (_CAMERA, over_tls(_CAMERA, (322, 443)))
