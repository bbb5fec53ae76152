"""Things at home and the hub or telephone that holds a connection to each of them, without a cloud.

HomeKit (HAP non-commercial specification R2, 6.5 and 6.8): HTTP in frames with two bytes of length and a tag
of 16; an event of some 160 to 300 bytes when something changes, at most one a second for most, and reads
by the clock of homes that poll. Tuya's local protocol (tinytuya): a heartbeat of 24 to 40 bytes every 9 to
20 s, answered with 28 to 40, and states of one size pushed at each change. Gateways of radiators (the Cube's
lines), lamps (a line of JSON) and hubs with an event stream and a comment now and then: the same in other
sizes. Switches and meters that report their power do so every 1 to 10 s, of nearly one size.
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

_FRAME_BYTES = 2 + 16  # HomeKit: length and tag


def _draw(rng: Generator) -> Parameters:
    opening = Opening(
        int(rng.choice([1, 2, 3])),
        int(log_uniform(rng, 24, 400)),
        welcome_bytes=int(log_uniform(rng, 28, 3000)),
        has_banner=bool(rng.random() < 0.2),
    )
    draw = (_homekit, _tuya, _gateway)[int(rng.integers(3))]
    return written(unlike_mining(draw, rng), opening, 0.1)


def _homekit(rng: Generator) -> dict[str, Act]:
    acts = {
        "event": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 1.0, 400.0), 1),
            rhythm=str(rng.choice(["random", "bursty", "jittered"])),
            n_bytes=_FRAME_BYTES + int(rng.integers(130, 290)),
            spread=str(rng.choice(["constant", "digits", "digits", "types"])),
        ),
        "write": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 60.0, 1200.0), 1),
            rhythm="bursty",
            n_bytes=_FRAME_BYTES + int(rng.integers(150, 260)),
            spread="types",  # one lamp, its colour, a scene of five
            answer_bytes=_FRAME_BYTES + 27,  # HTTP/1.1 204 No Content and an empty line
            think_s=0.05,
        ),
    }
    if rng.random() < 0.6:
        acts["read"] = Act(
            by_server=False,
            period_s=float(rng.choice([10.0, 30.0, 60.0, 300.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=_FRAME_BYTES + int(rng.integers(70, 200)),
            answer_bytes=_FRAME_BYTES + int(log_uniform(rng, 120, 900)),
            answer_spread="digits",
            think_s=0.03,
        )
    return acts


def _tuya(rng: Generator) -> dict[str, Act]:
    beat_bytes = int(rng.choice([24, 24, 40]))
    return {
        "heartbeat": Act(
            False,
            float(rng.choice([9.0, 10.0, 12.0, 20.0])),
            str(rng.choice(["steady", "jittered"])),
            beat_bytes,
            answer_bytes=beat_bytes + 4,
        ),
        "state": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 1.0, 300.0), 1),
            rhythm=str(rng.choice(["steady", "random", "bursty"])),
            n_bytes=int(rng.choice([91, 107, 123, 139, 171])),  # AES in blocks of 16
            spread=str(rng.choice(["constant", "constant", "types"])),
        ),
        "order": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 60.0, 1200.0), 1),
            rhythm="bursty",
            n_bytes=int(rng.choice([135, 151, 167])),
            answer_bytes=int(rng.choice([28, 44])),
            think_s=0.05,
        ),
    }


def _gateway(rng: Generator) -> dict[str, Act]:
    acts = {
        "poll": Act(
            by_server=False,
            period_s=float(rng.choice([5.0, 10.0, 10.0, 25.0, 60.0])),
            rhythm=str(rng.choice(["steady", "steady", "jittered"])),
            n_bytes=int(rng.choice([4, 4, 25, 40, 90])),
            answer_bytes=int(rng.choice([4, 25, 50, 66, 140, 331])),
            answer_spread=str(rng.choice(["constant", "digits"])),
            think_s=0.06,
        ),
    }
    if rng.random() < 0.6:
        acts["report"] = Act(
            by_server=True,
            period_s=round(log_uniform(rng, 1.0, 120.0), 1),
            rhythm=str(rng.choice(["steady", "random", "bursty"])),
            n_bytes=int(log_uniform(rng, 25, 400)),
            spread=str(rng.choice(["constant", "digits", "types"])),
            answer_bytes=int(rng.choice([0, 0, 4, 25])),
        )
    if rng.random() < 0.3:
        acts["comment"] = Act(
            True, float(rng.choice([10.0, 15.0, 30.0])), "steady", int(rng.choice([4, 6, 14]))
        )
    return acts


_HOME = conversation("smart-home", "iot", _draw, ports=(6668, 51826, 62910, 55443, 80), clients=(2, 6))
ACTORS = (_HOME, over_tls(_HOME, (443, 8443)))
