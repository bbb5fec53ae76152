"""FIX-like trading sessions: heartbeats, orders with their executions, market data (FIX 4.4)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_TRAILER = re.compile(rb"\x0110=\d{3}\x01")


def _draw(rng: Generator) -> Parameters:
    return {
        "heartbeat_s": float(rng.choice([10.0, 30.0, 30.0, 60.0])),
        "order_s": float(rng.choice([3.0, 12.0, 45.0, 200.0])),
        "fill_s": float(rng.choice([0.05, 2.0, 20.0])),
        "quote_s": float(rng.choice([0.0, 0.0, 1.0, 10.0, 40.0])),
        "names": str(rng.choice(["BUYSIDE|EXCHANGE", "A1|B2", "LONGCLIENTNAME01|VENUE"])),
    }


def message(kind: str, number: int, names: str, fields: str) -> bytes:
    """Build a message with its length and checksum."""
    sender, target = names.split("|")
    stamp = "20250102-10:20:30.123"
    body = f"35={kind}|34={number}|49={sender}|52={stamp}|56={target}|{fields}".replace("|", "\x01").encode()
    head = f"8=FIX.4.4\x019={len(body)}\x01".encode()
    return head + body + f"10={sum(head + body) % 256:03d}\x01".encode()


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await _read(peer)
        await peer.send(message("A", 1, drawn["names"], f"98=0|108={drawn['heartbeat_s']:.0f}|"))
        quotes = [_quote(peer, drawn["quote_s"], drawn["names"], rng)] if drawn["quote_s"] else []
        await together(
            _execute(peer, drawn["names"], drawn["fill_s"], rng),
            _beat(peer, drawn["heartbeat_s"], drawn["names"]),
            *quotes,
        )

    await site.listen(attend)


async def _execute(peer: Peer, names: str, fill_s: float, rng: Generator) -> None:
    number = 1
    while True:
        if b"\x0135=D\x01" not in await _read(peer):
            continue
        for state in ("0", "2"):
            number += 1
            report = f"37={rng.integers(10**9)}|11=c{number}|17=e{number}|150={state}|39={state}"
            fields = f"{report}|55=XYZ|54=1|38=100|44={rng.uniform(10, 99):.2f}|"
            await peer.send(message("8", number, names, fields))
            await asyncio.sleep(rng.exponential(fill_s))


async def _quote(peer: Peer, mean_s: float, names: str, rng: Generator) -> None:
    number = 100_000
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        number += 1
        entries = "".join(
            f"279=1|269={n % 2}|270={rng.uniform(10, 99):.2f}|271={rng.integers(1, 900)}|"
            for n in range(int(rng.integers(1, 6)))
        )
        await peer.send(message("X", number, names, f"262=q1|268=2|{entries}"))


async def _beat(peer: Peer, period_s: float, names: str) -> None:
    number = 1
    while True:
        await asyncio.sleep(period_s)
        number += 1
        await peer.send(message("0", number, names, ""))


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await peer.send(message("A", 1, drawn["names"], f"98=0|108={drawn['heartbeat_s']:.0f}|141=Y|"))
        await together(
            _order(peer, drawn["order_s"], drawn["names"], rng),
            _beat(peer, drawn["heartbeat_s"], drawn["names"]),
            _listen(peer),
        )


async def _order(peer: Peer, mean_s: float, names: str, rng: Generator) -> None:
    number = 1
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        number += 1
        order = f"11=c{number}|55=XYZ|54={rng.integers(1, 3)}|38={rng.integers(1, 900)}"
        fields = f"{order}|40=2|44={rng.uniform(10, 99):.2f}|59=0|"
        await peer.send(message("D", number, names, fields))


async def _listen(peer: Peer) -> None:
    while True:
        await _read(peer)


async def _read(peer: Peer) -> bytes:
    """Read up to the end of a message, whose trailer alone ends in a checksum."""
    read = b""
    while not _TRAILER.search(read):
        read += await peer.reader.readuntil(b"\x01")
    return read


_FIX = Actor("fix", "fix", _draw, _serve, _visit, ports=(9878, 4198), clients=(1, 3))
ACTORS = (_FIX, over_tls(_FIX, (9879, 443)))
