"""Messengers: sealed messages on one connection for days, with receipts, presence and pings.

Beats and forms: WhatsApp-like frames behind three bytes of length (Noise, https://noiseprotocol.org, adds 16
bytes) with a ping every 20 to 30 s; Signal-like requests and answers over WebSocket with a keep-alive every
30 to 55 s (signalapp/Signal-Android, websocket keep-alive); Telegram's MTProto, whose messages are padded to
16 bytes, ping_delay_disconnect every 60 s (https://core.telegram.org/mtproto/service_messages) and
acknowledgements in containers of their own. Others (LOCO, MQTT-like) push messages behind a head of some 20
bytes, so that short ones are all of nearly one size, confirm each with 20 to 40 bytes, or with nothing,
and ask something small now and then, each answered at once.
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
    acts = unlike_mining(_acts, rng)
    hello_bytes, welcome_bytes = int(log_uniform(rng, 200, 900)), int(log_uniform(rng, 100, 3000))
    return written(acts, Opening(2, hello_bytes, welcome_bytes=welcome_bytes), 0.5)


def _acts(rng: Generator) -> dict[str, Act]:
    period_s, ping_bytes, pong_bytes = {
        0: (float(rng.choice([20.0, 25.0, 30.0])), 31, 29),
        1: (float(rng.choice([30.0, 55.0])), 60, 35),
        2: (float(rng.choice([60.0, 60.0, 300.0])), 104, 104),
    }[int(rng.integers(3))]
    pace = log_uniform(rng, 0.5, 10.0)
    padded = str(rng.choice(["types", "lognormal"]))
    acts = {
        "ping": Act(False, period_s, "jittered", ping_bytes, answer_bytes=pong_bytes, think_s=0.003),
        "received": Act(
            by_server=True,
            period_s=30.0 * pace,
            rhythm="bursty",
            n_bytes=int(log_uniform(rng, 120, 600)),
            spread=str(rng.choice([padded, "constant", "digits"])),
            answer_bytes=int(rng.choice([0, 20, 40, 70, 104, 180])),
            think_s=float(rng.choice([0.02, 0.2])),
            run=float(rng.choice([1.0, 2.0, 4.0])),
        ),
        "sent": Act(
            by_server=False,
            period_s=60.0 * pace,
            rhythm="bursty",
            n_bytes=int(log_uniform(rng, 150, 700)),
            spread=padded,
            answer_bytes=int(rng.choice([40, 70, 104, 130])),
            think_s=0.05,
            run=float(rng.choice([1.0, 2.0, 3.0])),
        ),
        "presence": Act(
            by_server=True,
            period_s=float(rng.choice([20.0, 90.0, 300.0])),
            rhythm="random",
            n_bytes=int(log_uniform(rng, 40, 120)),
            spread="digits",
        ),
    }
    if rng.random() < 0.4:  # somebody writes, or has read
        acts["writes"] = Act(
            by_server=False,
            period_s=20.0 * pace,
            rhythm="bursty",
            n_bytes=int(rng.integers(60, 110)),
            spread=str(rng.choice(["constant", "digits"])),
            run=float(rng.choice([1.0, 3.0])),
            run_gap_s=4.0,
        )
    if rng.random() < 0.5:  # what programs ask: who is there, what has been read, one more picture
        acts["ask"] = Act(
            by_server=False,
            period_s=round(log_uniform(rng, 3.0, 120.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 31, 200)),
            spread=str(rng.choice(["constant", "digits", "types"])),
            answer_bytes=int(log_uniform(rng, 31, 400)),
            answer_spread=str(rng.choice(["constant", "digits", "types"])),
            think_s=0.03,
        )
    return acts


_MESSENGER = conversation("messenger", "messenger", _draw, ports=(5222, 4244, 443), clients=(2, 5))
ACTORS = (_MESSENGER, over_tls(_MESSENGER, (443, 5222, 5223)))
