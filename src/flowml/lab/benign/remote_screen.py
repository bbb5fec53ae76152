"""Screens of other machines by programs that push what changes: RDP, NX, TeamViewer's kind; mostly idle.

RDP (MS-RDPBCGR): keys and pointer in fast-path messages of 6 to 60 bytes (2.2.8.1.2), updates of what
changed, frames acknowledged with 20 bytes and what stands before them (MS-RDPEGFX, 2.2.2.13), a heartbeat of
some 20 bytes when a server said nothing for its period (2.2.16.1). Others do the same with signs of life
each way every 1 to 30 s. An idle screen is a clock that changes each second or minute, a cursor that blinks,
a mail program that counts.
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
        int(rng.integers(4, 10)),
        int(log_uniform(rng, 30, 400)),
        "types",
        int(log_uniform(rng, 20, 500)),
        "types",
    )
    return written(unlike_mining(_acts, rng), opening, float(rng.choice([0.0, 0.3])))


def _acts(rng: Generator) -> dict[str, Act]:
    acknowledged = int(rng.choice([0, 20, 26, 36, 44]))
    input_bytes = int(rng.choice([6, 10, 12, 30, 34, 58]))
    acts = {
        "clock": Act(
            by_server=True,
            period_s=float(rng.choice([0.5, 1.0, 1.0, 15.0, 60.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=int(log_uniform(rng, 60, 900)),
            spread=str(rng.choice(["constant", "digits", "digits", "uniform"])),
            answer_bytes=acknowledged,
        ),
        "repaint": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 10.0, 300.0), 1),
            rhythm="bursty",
            n_bytes=int(log_uniform(rng, 400, 8000)),
            spread="heavy",
            answer_bytes=acknowledged,
            run=float(rng.choice([2.0, 6.0, 15.0])),
            run_gap_s=0.08,
        ),
        "input": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 5.0, 400.0), 1),
            rhythm="bursty",
            n_bytes=input_bytes,
            spread=str(rng.choice(["constant", "digits"])),
            answer_bytes=int(log_uniform(rng, 60, 600)),
            answer_spread="heavy",
            answered_ratio=float(rng.choice([0.2, 0.6, 1.0])),
            run=float(rng.choice([4.0, 20.0, 60.0])),
            run_gap_s=0.08,
        ),
    }
    if rng.random() < 0.7:
        beat_bytes = int(rng.choice([12, 20, 22, 30, 34, 48]))
        acts["heartbeat"] = Act(
            by_server=bool(rng.random() < 0.6),
            period_s=float(rng.choice([1.0, 5.0, 10.0, 15.0, 30.0, 60.0])),
            rhythm=str(rng.choice(["steady", "steady", "jittered"])),
            n_bytes=beat_bytes,
            answer_bytes=int(rng.choice([0, 0, beat_bytes])),
            think_s=0.003,
        )
    return acts


_SCREEN = conversation("remote-screen", "remote-desktop", _draw, ports=(3389, 4000, 5938), clients=(1, 3))
ACTORS = (_SCREEN, over_tls(_SCREEN, (3389, 443)))
