"""An online game over TCP: ticks of the server's world, the player's inputs, and a lobby in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.framing import framed, read_framed
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "ticks_per_s": float(rng.choice([0.5, 1.0, 3.0])),
        "tick_bytes": int(rng.integers(30, 300)),
        "tick_spread_bytes": int(rng.choice([0, 20, 400])),
        "inputs_per_s": float(rng.choice([0.1, 0.5, 2.0])),
        "input_bytes": int(rng.integers(8, 60)),
        "heartbeat_s": float(rng.choice([5.0, 15.0, 30.0])),
        "round_s": float(rng.choice([60.0, 300.0])),
        "lobby_s": float(rng.choice([10.0, 60.0])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await peer.send(framed(int(rng.integers(200, 3000)), rng))
        await together(_tick(peer), _listen(peer))

    async def _tick(peer: Peer) -> None:
        while True:
            await asyncio.sleep(rng.exponential(drawn["lobby_s"]))
            for _ in range(int(rng.exponential(drawn["round_s"]) * drawn["ticks_per_s"])):
                await asyncio.sleep(1.0 / drawn["ticks_per_s"])
                await peer.send(
                    framed(drawn["tick_bytes"] + int(rng.integers(0, drawn["tick_spread_bytes"] + 1)), rng)
                )

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await peer.send(framed(int(rng.integers(60, 300)), rng))
        await together(
            _play(peer, drawn["inputs_per_s"], drawn["input_bytes"], rng),
            _beat(peer, drawn["heartbeat_s"], rng),
            _listen(peer),
        )


async def _play(peer: Peer, per_s: float, n_bytes: int, rng: Generator) -> None:
    while True:
        await asyncio.sleep(rng.exponential(1.0 / per_s))
        await peer.send(framed(n_bytes, rng))


async def _beat(peer: Peer, period_s: float, rng: Generator) -> None:
    while True:
        await asyncio.sleep(period_s)
        await peer.send(framed(6, rng))


async def _listen(peer: Peer) -> None:
    while True:
        await read_framed(peer)


_GAME = Actor("game", "game", _draw, _serve, _visit, ports=(25565, 7777, 3724), clients=(1, 3))
ACTORS = (_GAME, over_tls(_GAME, (443,)))
