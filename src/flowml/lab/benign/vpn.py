"""A VPN over UDP, of WireGuard's sizes: mostly keep-alives, handshakes every two minutes, bursts of use.

(https://www.wireguard.com/protocol/) Initiation 148 bytes and response 92 every 120 s while there is
traffic; a keep-alive is a data message with nothing in it, 32 bytes, every 25 s by the usual advice for
NATs; data is filled up to 16 and has 32 more. What the tunnel carries here: somebody at work, or nothing for
hours.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.datagrams import Datagrams, Reply, answer_datagrams, datagrams
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.site import Site

_INITIATION_BYTES, _RESPONSE_BYTES, _HEAD_BYTES, _REKEY_S = 148, 92, 32, 120.0
_LARGEST_BYTES = 1420


def _draw(rng: Generator) -> Parameters:
    return {
        "keepalive_s": float(rng.choice([10.0, 15.0, 25.0, 25.0, 60.0])),
        "use_s": float(rng.choice([20.0, 120.0, 600.0])),
        "exchanges": float(rng.choice([3.0, 15.0, 60.0])),
        "asked_bytes": int(log_uniform(rng, 40, 500)),
        "packets": float(rng.choice([1.0, 3.0, 12.0])),
    }


def data_bytes(n_bytes: int) -> int:
    """Size of the message that carries a packet of ``n_bytes``; 32 if it carries none."""
    return _HEAD_BYTES + -(-n_bytes // 16) * 16


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def answer(asked: bytes, reply: Reply) -> None:
        if len(asked) == _INITIATION_BYTES:
            reply(rng.bytes(_RESPONSE_BYTES))
        elif len(asked) > _HEAD_BYTES:
            await asyncio.sleep(rng.exponential(0.03))
            n_packets = int(rng.geometric(1.0 / drawn["packets"]))
            for left in range(n_packets, 0, -1):
                n_bytes = _LARGEST_BYTES if left > 1 else int(rng.integers(40, _LARGEST_BYTES))
                reply(rng.bytes(data_bytes(n_bytes)))

    await answer_datagrams(site, answer)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    with datagrams(site) as link:
        await together(_use(link, drawn, rng), _keep(link, drawn["keepalive_s"], rng), _rekey(link, rng))


async def _use(link: Datagrams, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await asyncio.sleep(rng.exponential(drawn["use_s"]))
        for _ in range(int(rng.geometric(1.0 / drawn["exchanges"]))):
            n_bytes = min(int(drawn["asked_bytes"] * rng.lognormal(0.0, 0.6)), _LARGEST_BYTES)
            await link.send(rng.bytes(data_bytes(max(n_bytes, 1))))
            await asyncio.sleep(rng.exponential(0.3))


async def _keep(link: Datagrams, period_s: float, rng: Generator) -> None:
    while True:
        await asyncio.sleep(period_s)
        await link.send(rng.bytes(data_bytes(0)))


async def _rekey(link: Datagrams, rng: Generator) -> None:
    while True:
        await link.send(rng.bytes(_INITIATION_BYTES))
        await asyncio.sleep(_REKEY_S)


ACTORS = (
    Actor("vpn", "vpn", _draw, _serve, _visit, ports=(51820, 1194, 4500), clients=(1, 4), over_udp=True),
)
