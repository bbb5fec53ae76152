"""NTP: a question and an answer of 48 bytes every 64 to 1024 s, closer together at the start (RFC 5905)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters
from flowml.lab.datagrams import Reply, answer_datagrams, datagrams

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site

_BYTES = 48


def _draw(rng: Generator) -> Parameters:
    return {
        "poll_s": float(rng.choice([8.0, 16.0, 32.0, 64.0])),
        "first_s": 2.0,
        "authentication_bytes": int(rng.choice([0, 0, 20])),
        "keeps_port": bool(rng.random() < 0.6),
    }


async def _serve(site: Site, rng: Generator) -> None:
    async def answer(asked: bytes, reply: Reply) -> None:
        reply(b"\x24" + rng.bytes(len(asked) - 1))

    await answer_datagrams(site, answer)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    with datagrams(site) as link:
        for number in range(1000 if drawn["keeps_port"] else 1):
            await link.send(b"\x23" + rng.bytes(_BYTES - 1 + drawn["authentication_bytes"]))
            await link.receive(1.0)
            poll_s = drawn["first_s"] if number < 4 and drawn["keeps_port"] else drawn["poll_s"]
            await asyncio.sleep(poll_s * rng.uniform(0.9, 1.1))


ACTORS = (Actor("ntp", "ntp", _draw, _serve, _visit, ports=(123,), clients=(2, 6), over_udp=True),)
