"""QUIC-like connections over UDP: a first flight that is filled up, requests, silence and keep-alives.

(RFC 9000: first datagrams of at least 1200 bytes; RFC 9308 3.2: keep-alives every 15 to 30 s because of
NATs.) A short packet of HTTP/3 with a small frame has 30 to 60 bytes; acknowledgements some 30 and come with
every second packet.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.datagrams import Datagrams, Reply, answer_datagrams, datagrams
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.site import Site

_FIRST_BYTES = 1200
_PACKET_BYTES = 1252


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [2.0, 10.0, 30.0, 90.0]),
        "asked_bytes": int(log_uniform(rng, 60, 900)),
        "answer_bytes": int(log_uniform(rng, 60, 15_000)),
        "answer_sigma": float(rng.choice([0.0, 0.3, 1.2])),
        "acknowledgement_bytes": int(rng.integers(28, 44)),
        "keepalive_s": float(rng.choice([0.0, 15.0, 20.0, 30.0])),
        "keepalive_bytes": int(rng.integers(30, 48)),
        "session_s": float(rng.choice([60.0, 600.0, 3600.0])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def answer(asked: bytes, reply: Reply) -> None:
        await asyncio.sleep(rng.exponential(0.01))
        if len(asked) >= _FIRST_BYTES:
            left = 3 * _FIRST_BYTES  # no more than thrice what came, before the address is proven
        elif len(asked) == drawn["keepalive_bytes"]:
            left = drawn["acknowledgement_bytes"]
        elif len(asked) == drawn["acknowledgement_bytes"]:
            return
        else:
            left = max(int(drawn["answer_bytes"] * rng.lognormal(0.0, drawn["answer_sigma"])), 30)
        for _ in range(min(left // _PACKET_BYTES, 20)):
            reply(rng.bytes(_PACKET_BYTES))
        reply(rng.bytes(max(left % _PACKET_BYTES, 25)))

    await answer_datagrams(site, answer)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    with datagrams(site) as link:
        await link.send(rng.bytes(_FIRST_BYTES + int(rng.choice([0, 50]))))
        await link.receive(2.0)
        try:
            async with asyncio.timeout(rng.exponential(drawn["session_s"])):
                await together(
                    _ask(link, drawn, rng),
                    _acknowledge(link, drawn["acknowledgement_bytes"], rng),
                    _keep(link, drawn["keepalive_s"], drawn["keepalive_bytes"], rng),
                )
        except TimeoutError:
            await link.send(rng.bytes(35))  # CONNECTION_CLOSE


async def _ask(link: Datagrams, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await link.send(rng.bytes(min(drawn["asked_bytes"] + int(rng.integers(0, 30)), _FIRST_BYTES - 1)))
        await pause(drawn, rng)


async def _acknowledge(link: Datagrams, n_bytes: int, rng: Generator) -> None:
    while True:
        heard = await link.receive(60.0)
        if heard and (len(heard) < _PACKET_BYTES or rng.random() < 0.5):
            await link.send(rng.bytes(n_bytes))


async def _keep(link: Datagrams, period_s: float, n_bytes: int, rng: Generator) -> None:
    while period_s:
        await asyncio.sleep(period_s)
        await link.send(rng.bytes(n_bytes))


ACTORS = (Actor("quic", "http", _draw, _serve, _visit, ports=(443, 8443), clients=(2, 5), over_udp=True),)
