"""Tor: cells of one size in both directions, filled up with padding when there is nothing to say.

tor-spec: cells of 514 bytes, all of a link's circuits in one TLS connection. padding-spec: each side sends
a cell of padding when nothing was sent for a time drawn anew each time, the larger of two draws between 1.5
and 9.5 s; clients that save data do without. A page is a few cells up and many down; a SENDME goes up for
each 100 or 50 that came, and circuits are built ahead of time, three exchanges each.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

CELL_BYTES = 514
_LEAST_S, _MOST_S = 1.5, 9.5
_PADDING, _ASK, _DATA = b"\x00", b"\x01", b"\x02"
_CELLS_A_SENDME = 100


def _draw(rng: Generator) -> Parameters:
    return {
        "pads": bool(rng.random() < 0.75),
        "page_s": float(rng.choice([10.0, 40.0, 120.0, 600.0])),
        "page_cells": float(rng.choice([4.0, 20.0, 60.0])),
        "circuit_s": float(rng.choice([30.0, 60.0, 300.0])),
        "detour_ms": float(rng.uniform(100.0, 600.0)),
    }


@dataclass(slots=True)
class _Link:
    """One side of a link."""

    peer: Peer
    rng: Generator
    n_sent: int = 0

    async def send(self, kind: bytes, n_cells: int = 1) -> None:
        """Send cells in one go; the receiver takes the number that it owes from the second byte."""
        self.n_sent += n_cells
        await self.peer.send(b"".join(kind + self.rng.bytes(CELL_BYTES - 1) for _ in range(n_cells)))

    async def ask(self, n_wanted: int) -> None:
        """Ask for so many cells, at most 255."""
        self.n_sent += 1
        await self.peer.send(_ASK + bytes([n_wanted]) + self.rng.bytes(CELL_BYTES - 2))

    async def cell(self) -> bytes:
        """Read one cell."""
        return await self.peer.exactly(CELL_BYTES)

    async def pad(self) -> None:
        """Send padding whenever nothing else was sent for a while."""
        while True:
            before = self.n_sent
            await asyncio.sleep(padding_after_s(self.rng))
            if self.n_sent == before:
                await self.send(_PADDING)


def padding_after_s(rng: Generator) -> float:
    """Draw after how much silence a side pads, in seconds."""
    return float(max(rng.uniform(_LEAST_S, _MOST_S), rng.uniform(_LEAST_S, _MOST_S)))


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        link = _Link(peer, rng)
        await link.send(_DATA, 2)  # certificates and addresses
        await together(_answer(link, drawn["detour_ms"] / 1000.0), *([link.pad()] if drawn["pads"] else []))

    await site.listen(attend)


async def _answer(link: _Link, detour_s: float) -> None:
    while True:
        cell = await link.cell()
        if cell[:1] == _ASK:
            await asyncio.sleep(detour_s + link.rng.exponential(0.05))
            for _ in range(cell[1]):
                await link.send(_DATA)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        link = _Link(peer, rng)
        await link.send(_DATA)
        await together(
            _take(link),
            _browse(link, drawn["page_s"], drawn["page_cells"]),
            _build(link, drawn["circuit_s"]),
            *([link.pad()] if drawn["pads"] else []),
        )


async def _take(link: _Link) -> None:
    """Take what comes, with a SENDME for each so many cells of a page."""
    n_taken = 0
    while True:
        n_taken += (await link.cell())[:1] == _DATA
        if n_taken == _CELLS_A_SENDME:
            n_taken = 0
            await link.send(_DATA)


async def _browse(link: _Link, page_s: float, page_cells: float) -> None:
    while True:
        await asyncio.sleep(link.rng.exponential(page_s))
        for _ in range(int(link.rng.geometric(0.25))):
            await link.ask(min(1 + int(link.rng.exponential(page_cells)), 255))
            await asyncio.sleep(link.rng.exponential(0.5))


async def _build(link: _Link, circuit_s: float) -> None:
    while True:
        await asyncio.sleep(link.rng.exponential(circuit_s))
        for _ in range(3):
            await link.ask(1)
            await asyncio.sleep(0.5)


_TOR = Actor("tor", "overlay", _draw, _serve, _visit, ports=(9001,), clients=(2, 5))
ACTORS = (over_tls(_TOR, (443, 9001)),)
