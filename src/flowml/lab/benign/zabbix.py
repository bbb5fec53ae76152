"""Zabbix: active agents that ask for their checks and hand in values, and passive ones that are asked.

A message is "ZBXD", a flag, 8 bytes of length and JSON (Zabbix manual, "Header and data length"). Each
exchange has a connection of its own; agents hand in values every 5 s if there are any, ask for checks every
2 minutes and beat every minute. A newer agent keeps its connection.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [5.0, 5.0, 10.0, 30.0, 60.0], ("steady", "jittered")),
        "keeps": bool(rng.random() < 0.6),
        "values": int(rng.choice([1, 1, 4, 20])),
        "values_vary": bool(rng.random() < 0.5),
        "value_bytes": int(rng.integers(1, 60)),
    }


def framed(message: Mapping[str, Any]) -> bytes:
    """Build a message with its header of 13 bytes."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return b"ZBXD\x01" + struct.pack("<Q", len(body)) + body


async def _read(peer: Peer) -> bytes:
    head = await peer.exactly(13)
    return await peer.exactly(int.from_bytes(head[5:], "little"))


async def _serve(site: Site, rng: Generator) -> None:
    async def attend(peer: Peer) -> None:
        while True:
            n_values = (await _read(peer)).count(b'"key"')
            info = f"processed: {n_values}; failed: 0; total: {n_values}; seconds spent: {rng.random():.6f}"
            await peer.send(framed({"response": "success", "info": info}))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn, host = site.parameters, text_of(6, 10, rng)
    async with site.connected() as peer:
        while True:
            n_values = 1 + int(rng.poisson(drawn["values"])) if drawn["values_vary"] else drawn["values"]
            values = [
                {"host": host, "key": "system.cpu.load", "value": text_of(drawn["value_bytes"], 2, rng)}
                for _ in range(n_values)
            ]
            await peer.send(framed({"request": "agent data", "data": values}))
            await _read(peer)
            if not drawn["keeps"]:
                break
            await pause(drawn, rng)
    await asyncio.sleep(drawn["period_s"])


_ZABBIX = Actor("zabbix", "monitoring", _draw, _serve, _visit, ports=(10051, 10050), clients=(2, 5))
ACTORS = (_ZABBIX, over_tls(_ZABBIX, (10051,)))
