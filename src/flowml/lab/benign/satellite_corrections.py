"""Corrections for satellite navigation: messages of a few sizes every second, a position upwards at times.

NTRIP (RTCM 10410.1): after one request the caster sends RTCM 3 messages once a second, some every 5 to 30
s; a rover tells its position as a line of 70 to 90 characters every 1 to 60 s and gets no answer to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import over_tls
from flowml.lab.benign.conversation import Act, Opening, conversation, written
from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters


def _draw(rng: Generator) -> Parameters:
    opening = Opening(1, int(rng.integers(110, 260)), "constant", int(rng.choice([12, 14, 90])), "constant")
    return written(_acts(rng), opening, 0.0)


def _acts(rng: Generator) -> dict[str, Act]:
    acts = {
        "observation": Act(
            by_server=True,
            period_s=float(rng.choice([1.0, 1.0, 1.0, 5.0])),
            n_bytes=int(log_uniform(rng, 100, 900)),
            spread=str(rng.choice(["digits", "uniform", "types"])),
            run=float(rng.choice([1.0, 1.0, 3.0])),
            run_gap_s=0.02,
        ),
        "station": Act(True, float(rng.choice([5.0, 10.0, 30.0])), n_bytes=int(rng.choice([27, 29, 60]))),
    }
    if rng.random() < 0.7:
        period_s = float(rng.choice([1.0, 5.0, 10.0, 30.0, 60.0]))
        acts["position"] = Act(False, period_s, n_bytes=int(rng.integers(68, 90)), spread="digits")
    return acts


_CASTER = conversation("satellite-corrections", "telemetry", _draw, ports=(2101, 2102), clients=(2, 5))
ACTORS = (_CASTER, over_tls(_CASTER, (443, 2102)))
