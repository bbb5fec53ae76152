"""Telephony: short messages, registrations and watchdogs on connections that are kept for ever.

SMPP 3.4: a header of 16 bytes; submit_sm and deliver_sm of 70 to 250, their answers of 17 to 33 bytes, an
enquire_link of 16 each way every 10 to 60 s. SIP over TCP (RFC 3261, RFC 5626): four bytes and their answer
of two every 25 to 120 s, OPTIONS and REGISTER of 400 to 700, dialogues of some messages. Diameter (RFC
6733): a watchdog of some 80 bytes each way every 30 s, requests and answers of 200 to 1,200. A telephone that
hangs on its registrar says four bytes every 80 to 100 % of 30 to 120 s (RFC 5626, 4.4.1), registers anew,
with a question for its password each time, and hears of messages and lamps (NOTIFY) now and then.
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
    opening = Opening(1, int(log_uniform(rng, 40, 700)), welcome_bytes=int(log_uniform(rng, 20, 600)))
    draw = (_short_messages, _sessions, _telephone, _diameter)[int(rng.integers(4))]
    return written(unlike_mining(draw, rng), opening, 0.2)


def _short_messages(rng: Generator) -> dict[str, Act]:
    text = str(rng.choice(["uniform", "digits", "types"]))
    return {
        "submit": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 0.7, 60.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(rng.integers(70, 250)),
            spread=text,
            answer_bytes=int(rng.choice([26, 33])),
            think_s=0.01,
        ),
        "deliver": Act(
            by_server=True,
            period_s=round(log_uniform(rng, 1.0, 90.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(rng.integers(120, 260)),
            spread=text,
            answer_bytes=17,
            think_s=0.003,
        ),
        "link": Act(
            bool(rng.random() < 0.5), float(rng.choice([10.0, 30.0, 60.0])), n_bytes=16, answer_bytes=16
        ),
    }


def _sessions(rng: Generator) -> dict[str, Act]:
    n_bytes = int(rng.integers(350, 750))
    return {
        "alive": Act(False, float(rng.choice([25.0, 30.0, 90.0, 120.0])), "jittered", 4, answer_bytes=3),
        "options": Act(
            by_server=bool(rng.random() < 0.6),
            period_s=float(rng.choice([15.0, 30.0, 60.0])),
            n_bytes=n_bytes,
            spread="digits",
            answer_bytes=n_bytes - int(rng.integers(20, 200)),
            answer_spread="digits",
        ),
        "register": Act(
            False,
            float(rng.choice([60.0, 120.0, 300.0])),
            "jittered",
            n_bytes + 150,
            "digits",
            n_bytes,
            "types",
        ),
        "call": Act(
            by_server=bool(rng.random() < 0.5),
            period_s=round(log_uniform(rng, 30.0, 400.0), 1),
            rhythm="random",
            n_bytes=int(rng.integers(700, 1300)),
            spread="types",
            answer_bytes=int(rng.integers(300, 900)),
            answer_spread="types",
            think_s=0.3,
            run=3.0,
            run_gap_s=3.0,
        ),
    }


def _telephone(rng: Generator) -> dict[str, Act]:
    n_bytes = int(rng.integers(480, 800))
    acts = {
        "alive": Act(
            by_server=False,
            period_s=float(rng.choice([15.0, 27.0, 30.0, 90.0, 108.0])),
            rhythm="jittered",
            n_bytes=4,
            answer_bytes=int(rng.choice([0, 3, 3])),
        ),
        "register": Act(
            by_server=False,
            period_s=float(rng.choice([55.0, 110.0, 270.0, 540.0])),
            rhythm=str(rng.choice(["steady", "jittered"])),
            n_bytes=n_bytes,
            spread="digits",
            answer_bytes=n_bytes - int(rng.integers(10, 150)),
            answer_spread="digits",
            waits=True,
            run=2.0,  # 401 first, then 200
            run_gap_s=0.01,
        ),
    }
    if rng.random() < 0.6:
        acts["notify"] = Act(
            by_server=True,
            period_s=round(log_uniform(rng, 20.0, 900.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(rng.integers(450, 1200)),
            spread=str(rng.choice(["digits", "types"])),
            answer_bytes=int(rng.integers(250, 500)),
            answer_spread="digits",
        )
    return acts


def _diameter(rng: Generator) -> dict[str, Act]:
    return {
        "watchdog": Act(
            by_server=bool(rng.random() < 0.5),
            period_s=float(rng.choice([6.0, 30.0, 30.0])),
            rhythm="jittered",
            n_bytes=int(rng.integers(68, 100)),
            answer_bytes=int(rng.integers(80, 120)),
        ),
        "request": Act(
            by_server=bool(rng.random() < 0.4),
            period_s=round(log_uniform(rng, 0.5, 40.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 200, 1200)),
            spread=str(rng.choice(["digits", "types"])),
            answer_bytes=int(log_uniform(rng, 130, 700)),
            answer_spread=str(rng.choice(["digits", "types"])),
            think_s=0.02,
        ),
    }


_SIGNALLING = conversation("signalling", "signalling", _draw, ports=(2775, 5060, 3868), clients=(2, 5))
ACTORS = (_SIGNALLING, over_tls(_SIGNALLING, (5061, 3550, 5658)))
