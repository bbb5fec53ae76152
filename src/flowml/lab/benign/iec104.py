"""IEC 60870-5-104: a substation that reports by itself, commands, and frames that confirm and test.

A frame is a start byte, a length, four bytes of control and, in an I-frame, the data unit. S-frames and
U-frames (STARTDT, TESTFR) have 6 bytes. The receiver confirms after w = 8 I-frames or t2 = 10 s; either side
tests after t3 = 20 s of silence (IEC 60870-5-104, 9.6). A measured value with time has 13 or 15 bytes behind
a head of 12.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_STARTDT_ACT, _STARTDT_CON, _TESTFR_ACT, _TESTFR_CON = 0x07, 0x0B, 0x43, 0x83


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [1.0, 2.0, 5.0, 20.0, 60.0]),
        "values": int(rng.choice([1, 1, 2, 8])),
        "value_bytes": int(rng.choice([4, 8, 11, 15])),
        "values_vary": bool(rng.random() < 0.4),
        "command_s": float(rng.choice([0.0, 60.0, 300.0])),
        "interrogation_s": float(rng.choice([0.0, 60.0, 600.0])),
        "points": int(log_uniform(rng, 5, 200)),
        "w": int(rng.choice([1, 4, 8, 8])),
        "t2_s": float(rng.choice([5.0, 10.0, 10.0])),
        "t3_s": float(rng.choice([10.0, 20.0, 20.0, 60.0])),
    }


def control_frame(function: int) -> bytes:
    """Build a U-frame."""
    return bytes([0x68, 4, function, 0, 0, 0])


def data_frame(n_bytes: int, rng: Generator) -> bytes:
    """Build an I-frame with a data unit of up to 249 bytes."""
    unit = rng.bytes(min(n_bytes, 249))
    return bytes([0x68, 4 + len(unit), 0, 0, 0, 0]) + unit


@dataclass(slots=True)
class _End:
    peer: Peer
    drawn: Mapping[str, Any]
    rng: Generator
    n_unconfirmed: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Confirm and answer what the other side sends, for ever."""
        while True:
            head = await self.peer.exactly(2)
            body = await self.peer.exactly(head[1])
            self.heard.set()
            if body[0] in {_STARTDT_ACT, _TESTFR_ACT}:
                await self.peer.send(control_frame(_STARTDT_CON if body[0] == _STARTDT_ACT else _TESTFR_CON))
            elif not body[0] & 1:
                await self._confirm()

    async def _confirm(self) -> None:
        self.n_unconfirmed += 1
        if self.n_unconfirmed >= self.drawn["w"]:
            await self.send_confirmation()

    async def send_confirmation(self) -> None:
        """Send an S-frame for all that was received."""
        self.n_unconfirmed = 0
        await self.peer.send(bytes([0x68, 4, 1, 0, 0, 0]))

    async def keep_time(self) -> None:
        """Confirm what waits for t2, test after a silence of t3, for ever."""
        while True:
            self.heard.clear()
            try:
                async with asyncio.timeout(self.drawn["t3_s"]):
                    await self.heard.wait()
            except TimeoutError:
                await self.peer.send(control_frame(_TESTFR_ACT))
            await asyncio.sleep(self.drawn["t2_s"])
            if self.n_unconfirmed:
                await self.send_confirmation()


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        end = _End(peer, drawn, rng)
        await together(end.listen(), end.keep_time(), _report(peer, drawn, rng))

    await site.listen(attend)


async def _report(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    left = drawn["points"]  # the answer to the general interrogation at the start
    while left > 0:
        await peer.send(data_frame(6 + 8 * min(left, 30), rng))
        left -= 30
    while True:
        await pause(drawn, rng)
        n_values = 1 + int(rng.poisson(drawn["values"])) if drawn["values_vary"] else drawn["values"]
        await peer.send(data_frame(6 + n_values * (3 + drawn["value_bytes"]), rng))


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        end = _End(peer, drawn, rng)
        await peer.send(control_frame(_STARTDT_ACT))
        await peer.send(data_frame(10, rng))
        await together(
            end.listen(),
            end.keep_time(),
            _send_units(peer, drawn["command_s"], 10, rng),
            _send_units(peer, drawn["interrogation_s"], 10, rng),
        )


async def _send_units(peer: Peer, mean_s: float, n_bytes: int, rng: Generator) -> None:
    while mean_s:
        await asyncio.sleep(rng.exponential(mean_s))
        await peer.send(data_frame(n_bytes, rng))


_IEC = Actor("iec104", "industrial", _draw, _serve, _visit, ports=(2404,), clients=(1, 3))
ACTORS = (_IEC, over_tls(_IEC, (19998,)))
