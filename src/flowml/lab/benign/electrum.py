"""An Electrum-like wallet: JSON-RPC to a server that tells of each block, and a ping now and then."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_BLOCK_HEADER_DIGITS = 160
_ADDRESS = "blockchain.address.subscribe"
_PARAMS: dict[str, list[object]] = {"blockchain.estimatefee": [2], "server.version": ["2.5.4", "0.10"]}


def _draw(rng: Generator) -> Parameters:
    return {
        "ping_s": float(rng.choice([50.0, 60.0, 120.0, 300.0])),
        "block_s": float(rng.choice([75.0, 150.0, 600.0])),
        "touched_s": float(rng.choice([60.0, 300.0, 1200.0])),
        "addresses": int(rng.integers(5, 60)),
        "asks_fees_s": float(rng.choice([60.0, 180.0, 600.0])),
        "is_early": False,
    }


def _draw_early(rng: Generator) -> Parameters:
    """Draw Electrum 1 and 2 of 2012 to 2017: heights and addresses, no ping but the version once more."""
    return {**_draw(rng), "is_early": True, "ping_s": float(rng.choice([50.0, 60.0, 60.0, 120.0]))}


@dataclass(slots=True)
class _Server:
    drawn: Mapping[str, Any]
    rng: Generator
    wallets: set[Peer] = field(default_factory=set)

    async def attend(self, peer: Peer) -> None:
        """Answer a wallet until it leaves."""
        self.wallets.add(peer)
        try:
            await together(self._answer(peer), self._touch(peer))
        finally:
            self.wallets.discard(peer)

    async def find_blocks(self) -> None:
        """Tell all wallets of each block, for ever."""
        height = int(self.rng.integers(700_000, 900_000))
        while True:
            await asyncio.sleep(self.rng.exponential(self.drawn["block_s"]))
            height += 1
            header = {"hex": text_of(_BLOCK_HEADER_DIGITS, 0, self.rng), "height": height}
            notice = _notice("blockchain.headers.subscribe", [header])
            if self.drawn["is_early"]:
                notice = {"id": None, "method": "blockchain.numblocks.subscribe", "params": [height]}
            for peer in list(self.wallets):
                await peer.push_json(notice)

    async def _answer(self, peer: Peer) -> None:
        while True:
            request = await peer.json_line()
            await asyncio.sleep(self.rng.exponential(0.01))
            result = result_of(request["method"], self.rng)
            version = {} if self.drawn["is_early"] else {"jsonrpc": "2.0"}
            await peer.send_json({**version, "result": result, "id": request["id"]})

    async def _touch(self, peer: Peer) -> None:
        while True:
            await asyncio.sleep(self.rng.exponential(self.drawn["touched_s"]))
            if self.drawn["is_early"]:
                news: list[object] = ["1" + text_of(33, 0, self.rng), text_of(64, 0, self.rng)]
                await peer.send_json({"id": None, "method": _ADDRESS, "params": news})
                continue
            hashes: list[object] = [text_of(64, 0, self.rng), text_of(64, 0, self.rng)]
            await peer.send_json(_notice("blockchain.scripthash.subscribe", hashes))


def _notice(method: str, params: list[object]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


async def _serve(site: Site, rng: Generator) -> None:
    server = _Server(site.parameters, rng)
    await together(server.find_blocks(), site.listen(server.attend))


def result_of(method: str, rng: Generator) -> object:
    """Answer a wallet's question in the form of its method."""
    if method == "server.version":
        return ["ElectrumX 1.16.0", "1.4"]
    if method == "blockchain.headers.subscribe":
        return {"hex": text_of(_BLOCK_HEADER_DIGITS, 0, rng), "height": 800_000}
    if method == "blockchain.numblocks.subscribe":
        return int(rng.integers(200_000, 450_000))
    if method in {"blockchain.scripthash.subscribe", _ADDRESS}:
        return text_of(64, 0, rng) if rng.random() < 0.5 else None
    if method == "blockchain.estimatefee":
        return round(float(rng.uniform(1e-5, 1e-4)), 8)
    return None


def _opening(drawn: Mapping[str, Any], rng: Generator) -> list[tuple[str, list[object]]]:
    method, n_digits = (_ADDRESS, 34) if drawn["is_early"] else ("blockchain.scripthash.subscribe", 64)
    version: list[object] = ["2.5.4", "0.10"] if drawn["is_early"] else ["electrum/4.4.6", "1.4"]
    news = "blockchain.numblocks.subscribe" if drawn["is_early"] else "blockchain.headers.subscribe"
    first: list[tuple[str, list[object]]] = [("server.version", version), (news, [])]
    return first + [(method, [text_of(n_digits, 0, rng)]) for _ in range(drawn["addresses"])]


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        for number, (method, params) in enumerate(_opening(drawn, rng)):
            await peer.send_json(_question(drawn, method, params, number))
        await together(
            _listen(peer),
            _ask(peer, drawn, "server.version" if drawn["is_early"] else "server.ping", "ping_s"),
            _ask(peer, drawn, "blockchain.estimatefee", "asks_fees_s"),
        )


def _question(drawn: Mapping[str, Any], method: str, params: list[object], number: int) -> dict[str, object]:
    version = {} if drawn["is_early"] else {"jsonrpc": "2.0"}
    return {**version, "method": method, "params": params, "id": number}


async def _ask(peer: Peer, drawn: Mapping[str, Any], method: str, period: str) -> None:
    number = 1000
    while True:
        await asyncio.sleep(drawn[period])
        number += 1
        params = _PARAMS.get(method, [])
        await peer.send_json(_question(drawn, method, params, number))


async def _listen(peer: Peer) -> None:
    while True:
        await peer.line()


_EARLY = Actor(
    "electrum-early", "cryptocurrency-wallet", _draw_early, _serve, _visit, ports=(50001,), clients=(1, 4)
)
_ELECTRUM = Actor("electrum", "cryptocurrency-wallet", _draw, _serve, _visit, ports=(50001,), clients=(1, 4))
_TLS_PORTS = (50002, 443)
ACTORS = (_ELECTRUM, over_tls(_ELECTRUM, _TLS_PORTS), _EARLY, over_tls(_EARLY, _TLS_PORTS))
