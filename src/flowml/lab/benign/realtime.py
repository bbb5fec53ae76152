"""Games, calls and sensors over UDP: ticks of some dozen a second in rounds, and long waits between them.

Game servers tick 10 to 60 times a second, here at the low end as the lab's wire is written in Python; in the
lobby a heartbeat each second to half a minute. Calls in silence send comfort noise five times a second (RFC
3389) and STUN checks each 2.5 to 15 s (RFC 7675, RFC 5389: 20 bytes of head). CoAP devices report and are
acknowledged with 4 bytes (RFC 7252).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters
from flowml.lab.benign.sizes import SPREADS, log_uniform, size_of
from flowml.lab.datagrams import Datagrams, Reply, answer_datagrams, datagrams
from flowml.lab.rhythm import pause_s, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    is_busy = bool(rng.random() < 0.4)
    return {
        "tick_s": float(rng.choice([0.1, 0.2, 0.5])) if is_busy else round(log_uniform(rng, 2.0, 60.0), 2),
        "rhythm": str(rng.choice(["steady", "jittered"] if is_busy else ["steady", "jittered", "random"])),
        "round_s": float(rng.choice([5.0, 20.0])) if is_busy else 3600.0,
        "lobby_s": float(rng.choice([20.0, 60.0])),
        "tick_bytes": int(log_uniform(rng, 12, 600)),
        "tick_spread": str(rng.choice(SPREADS[:5])),
        "answer_bytes": int(rng.choice([0, 4, int(log_uniform(rng, 12, 700))])),
        "answer_spread": str(rng.choice(SPREADS[:4])),
        "beat_s": float(rng.choice([2.5, 5.0, 15.0, 30.0])),
        "beat_bytes": int(rng.choice([1, 4, 20, 28, 100])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def answer(asked: bytes, reply: Reply) -> None:
        if len(asked) == drawn["beat_bytes"]:
            reply(asked)
        elif drawn["answer_bytes"]:
            await asyncio.sleep(rng.exponential(0.005))
            reply(rng.bytes(size_of(drawn["answer_bytes"], drawn["answer_spread"], rng)))

    await answer_datagrams(site, answer)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    with datagrams(site) as link:
        await together(_tick(link, drawn, rng), _beat(link, drawn["beat_s"], drawn["beat_bytes"], rng))


async def _tick(link: Datagrams, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        for _ in range(int(rng.exponential(drawn["round_s"]) / drawn["tick_s"]) + 1):
            n_bytes = min(size_of(drawn["tick_bytes"], drawn["tick_spread"], rng), 1400)
            await link.send(rng.bytes(n_bytes))
            await asyncio.sleep(pause_s(drawn["tick_s"], drawn["rhythm"], rng))
        await asyncio.sleep(rng.exponential(drawn["lobby_s"]))


async def _beat(link: Datagrams, period_s: float, n_bytes: int, rng: Generator) -> None:
    while True:
        await link.send(rng.bytes(n_bytes))
        await asyncio.sleep(period_s)


ACTORS = (
    Actor(
        "realtime",
        "realtime",
        _draw,
        _serve,
        _visit,
        ports=(27015, 3478, 5683, 3074),
        clients=(2, 4),
        over_udp=True,
    ),
)
