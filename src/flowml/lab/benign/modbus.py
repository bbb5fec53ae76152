"""Modbus/TCP: a controller is asked the same registers again and again (Modbus messaging guide 1.0b)."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_REQUEST = struct.Struct(">HHHBBHH")
_READ, _WRITE = 3, 6


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0], ("steady", "jittered")),
        "registers": int(rng.choice([1, 2, 10, 40, 120])),
        "groups": int(rng.choice([1, 1, 3])),
        "write_ratio": float(rng.choice([0.0, 0.02, 0.2])),
        "think_s": float(rng.uniform(0.001, 0.08)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    async def attend(peer: Peer) -> None:
        while True:
            request = await peer.exactly(_REQUEST.size)
            number, _, _, unit, function, _, n_registers = _REQUEST.unpack(request)
            await asyncio.sleep(rng.exponential(site.parameters["think_s"]))
            if function == _WRITE:
                await peer.send(request)
                continue
            values = rng.bytes(2 * n_registers)
            head = struct.pack(">HHHBBB", number, 0, 3 + len(values), unit, _READ, len(values))
            await peer.send(head + values)

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        number = 0
        while True:
            for group in range(drawn["groups"]):
                number += 1
                function = _WRITE if rng.random() < drawn["write_ratio"] else _READ
                n_registers = drawn["registers"] + group
                await peer.send(_REQUEST.pack(number % 65536, 0, 6, 1, function, 100 * group, n_registers))
                head = await peer.exactly(6)
                await peer.exactly(int.from_bytes(head[4:6], "big"))
            await pause(drawn, rng)


ACTORS = (Actor("modbus", "modbus", _draw, _serve, _visit, ports=(502,), clients=(1, 4)),)
