"""Office networks: file services, directories and remote procedures on connections that are kept for hours.

A session begins with some exchanges of many sizes (negotiate, authenticate, bind), then comes use in dense
runs of question and answer, and between them silence with an echo by the clock. SMB 2 (MS-SMB2): a header of
64 bytes behind 4, so an echo and its answer have 72 bytes each; opening, reading and closing a file some 90
to 660. LDAP (RFC 4511): a bind of some dozen bytes, searches of 60 to 600, an entry in the answer. DCE/RPC
and Kerberos look like both. The server speaks by itself when a lease breaks or something changes.
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

_ECHO_BYTES = 72


def _draw(rng: Generator) -> Parameters:
    opening = Opening(
        rounds=int(rng.integers(2, 9)),
        hello_bytes=int(log_uniform(rng, 70, 400)),
        hello_spread=str(rng.choice(["types", "lognormal"])),
        welcome_bytes=int(log_uniform(rng, 60, 500)),
        welcome_spread=str(rng.choice(["types", "lognormal", "heavy"])),
    )
    return written(unlike_mining(_acts, rng), opening, float(rng.choice([0.0, 0.3, 0.8])))


def _acts(rng: Generator) -> dict[str, Act]:
    acts = {
        "use": Act(
            by_server=False,
            period_s=round(log_uniform(rng, 5.0, 180.0), 1),
            rhythm=str(rng.choice(["random", "bursty", "jittered"])),
            n_bytes=int(log_uniform(rng, 60, 300)),
            spread=str(rng.choice(["types", "types", "lognormal", "digits"])),
            answer_bytes=int(log_uniform(rng, 60, 500)),
            answer_spread=str(rng.choice(["types", "types", "lognormal", "heavy"])),
            think_s=round(log_uniform(rng, 0.0005, 0.05), 4),
            waits=True,
            run=float(rng.choice([1.0, 3.0, 8.0, 20.0])),
            run_gap_s=round(log_uniform(rng, 0.0005, 0.2), 4),
        ),
    }
    if rng.random() < 0.7:
        acts["echo"] = Act(
            by_server=False,
            period_s=float(rng.choice([5.0, 10.0, 10.0, 30.0, 60.0, 120.0])),
            rhythm=str(rng.choice(["steady", "steady", "jittered"])),
            n_bytes=int(rng.choice([_ECHO_BYTES, _ECHO_BYTES, 31, 81, 117])),
            answer_bytes=int(rng.choice([_ECHO_BYTES, _ECHO_BYTES, 14, 93, 117])),
            think_s=0.002,
        )
    if rng.random() < 0.4:
        acts["change"] = Act(
            by_server=True,
            period_s=round(log_uniform(rng, 20.0, 400.0), 1),
            rhythm="random",
            n_bytes=int(rng.integers(90, 300)),
            spread=str(rng.choice(["digits", "types"])),
            answer_bytes=int(rng.choice([0, 100, 180])),
        )
    return acts


_OFFICE = conversation("office", "office", _draw, ports=(445, 389, 135, 139), clients=(2, 6))
ACTORS = (_OFFICE, over_tls(_OFFICE, (636, 443)))
