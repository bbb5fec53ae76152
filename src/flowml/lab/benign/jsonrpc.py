"""JSON-RPC services over TCP that mine nothing: calls, subscriptions and notifications as lines of JSON.

The same envelope, the same line feeds and the same rhythm of question and answer as stratum.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.rhythm import draw_rhythm, pause, pause_s, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_METHODS = ("device.status", "orders.list", "session.touch", "sensor.read", "build.progress", "state_get")


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [1.0, 5.0, 10.0, 20.0, 60.0]),
        "method": str(rng.choice(_METHODS)),
        "call_bytes": int(rng.integers(4, 300)),
        "call_spread_bytes": int(rng.choice([0, 1, 10, 100])),
        "result_bytes": int(rng.choice([2, 10, 100, 400, 2000])),
        "result_spread_bytes": int(rng.choice([0, 1, 30, 500])),
        "notice_s": float(rng.choice([0.0, 0.0, 10.0, 30.0, 120.0])),
        "notice_rhythm": str(rng.choice(["steady", "random"])),
        "notice_bytes": int(rng.integers(20, 800)),
        "notice_spread_bytes": int(rng.choice([0, 0, 4, 200])),
        "think_s": float(rng.uniform(0.001, 0.3)),
    }


def text_of(n_bytes: int, spread_bytes: int, rng: Generator) -> str:
    """Hexadecimal text of a length that varies by up to ``spread_bytes``."""
    n_digits = n_bytes + int(rng.integers(0, spread_bytes + 1))
    return rng.bytes(n_digits // 2 + 1).hex()[:n_digits]


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        notices = [_notify(peer, drawn, rng)] if drawn["notice_s"] else []
        await together(_answer(peer, drawn, rng), *notices)

    await site.listen(attend)


async def _answer(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        request = await peer.json_line()
        await asyncio.sleep(rng.exponential(drawn["think_s"]))
        result = {"ok": True, "value": text_of(drawn["result_bytes"], drawn["result_spread_bytes"], rng)}
        await peer.send_json({"jsonrpc": "2.0", "id": request["id"], "result": result})


async def _notify(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await asyncio.sleep(pause_s(drawn["notice_s"], drawn["notice_rhythm"], rng))
        data = text_of(drawn["notice_bytes"], drawn["notice_spread_bytes"], rng)
        await peer.send_json(
            {"jsonrpc": "2.0", "method": f"{drawn['method']}.changed", "params": {"data": data}}
        )


async def _visit(site: Site, rng: Generator) -> None:
    async with site.connected() as peer:
        await together(_call(peer, site.parameters, rng), _listen(peer))


async def _call(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    number = 0
    while True:
        number += 1
        params = [text_of(drawn["call_bytes"], drawn["call_spread_bytes"], rng)]
        await peer.send_json({"jsonrpc": "2.0", "id": number, "method": drawn["method"], "params": params})
        await pause(drawn, rng)


async def _listen(peer: Peer) -> None:
    while True:
        await peer.line()


_JSONRPC = Actor("jsonrpc", "json-rpc", _draw, _serve, _visit, ports=(4000, 8545, 3333, 7070), clients=(2, 5))
ACTORS = (_JSONRPC, over_tls(_JSONRPC, (443, 8443)))
