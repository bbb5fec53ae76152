"""Mining with a node's or a pool's HTTP RPC: getWork that is polled, getblocktemplate with long polling.

XMRig's daemon mode asks /getheight every second and fetches a template when the height changed
(xmrig/xmrig DaemonClient.cpp); old Ethereum miners poll eth_getWork and report their hash rate; Bitcoin
miners keep one getblocktemplate request open until there is something new (BIP 22, BIP 23), and the first of
them asked for getwork every few seconds (en.bitcoin.it Getwork). Who mines alone sends whole blocks, seldom.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.mining.chain import next_work
from flowml.lab.mining.identities import hex_digits
from flowml.lab.mining.shares import share_gap_s
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_LONGEST_WAIT_S = 60.0
_BLOCK_S = {"ethereum": 13.0, "daemon": 120.0, "template": 600.0, "getwork": 600.0}
_WORK_DIGITS = {"midstate": 64, "data": 256, "hash1": 128, "target": 64}
"""Members of getwork's answer; a share sends the data back."""


def _draw(rng: Generator) -> Parameters:
    style = str(rng.choice(list(_BLOCK_S)))
    polls_s = {
        "ethereum": [0.5, 3.0, 10.0],
        "daemon": [1.0, 1.0, 5.0],
        "template": [0.1],
        "getwork": [5.0, 10.0, 30.0, 60.0],
    }[style]
    is_pool = style in {"ethereum", "getwork"}
    return {
        "style": style,
        "block_s": _BLOCK_S[style],
        "poll_s": float(rng.choice(polls_s)),
        "hashrate_s": float(rng.choice([0.0, 20.0, 60.0])) if style == "ethereum" else 0.0,
        "share_s": float(rng.choice([15.0, 60.0, 300.0] if is_pool else [120.0, 3600.0])),
        "template_digits": 2
        * int(rng.integers(200, 400) if style == "daemon" else rng.integers(1000, 15000)),
        "agent": str(rng.choice(["ethminer/0.11", "XMRig/6.16.4", "cgminer 4.10.0", "Mozilla/5.0"])),
        "has_many_headers": bool(rng.random() < 0.5),
    }


@dataclass(slots=True)
class _Node:
    drawn: Mapping[str, Any]
    rng: Generator
    height: int = 2_000_000
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def find_blocks(self) -> None:
        """Let the chain grow, for ever."""
        while True:
            await next_work(self.drawn["block_s"], 0.0, self.rng)
            async with self.news:
                self.height += 1
                self.news.notify_all()

    async def attend(self, peer: Peer) -> None:
        """Answer a miner's requests."""
        while True:
            request = json.loads(await peer.http_body() or b"{}")
            await asyncio.sleep(self.rng.exponential(0.005))
            if request.get("method") == "getblocktemplate":
                await self._wait_for_news()
            body = json.dumps(self._answer(request))
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            extra = "Server: Epee-based\r\nLast-Modified: Thu, 01 Jan 2026 10:00:00 GMT\r\n"
            await peer.send(f"{head}{extra if self.drawn['has_many_headers'] else ''}\r\n{body}".encode())

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S), self.news:
                await self.news.wait()
        except TimeoutError:
            pass  # new transactions are reason enough for a new template

    def _answer(self, request: dict[str, Any]) -> dict[str, object]:
        method, envelope = request.get("method"), {"jsonrpc": "2.0", "id": request.get("id", 0)}
        if method is None:
            return {"height": self.height, "status": "OK", "untrusted": False}
        if method == "eth_getWork":
            return {**envelope, "result": ["0x" + hex_digits(64, self.rng) for _ in range(3)]}
        if method == "getwork" and not request["params"]:
            work = {name: hex_digits(n_digits, self.rng) for name, n_digits in _WORK_DIGITS.items()}
            return {"result": work, "error": None, "id": request["id"]}
        if method in {"getblocktemplate", "get_block_template"}:
            template = hex_digits(self.drawn["template_digits"], self.rng)
            return {
                **envelope,
                "result": {"blocktemplate_blob": template, "height": self.height, "status": "OK"},
            }
        return {**envelope, "result": True}


@dataclass(slots=True)
class _Miner:
    peer: Peer
    drawn: Mapping[str, Any]
    host: str
    rng: Generator
    n_asked: int = 0

    async def mine(self) -> None:
        """Poll for work and send what is due besides, one request at a time."""
        now_s = asyncio.get_running_loop().time()
        next_share_s = now_s + share_gap_s(1.0, self.drawn["share_s"], self.rng)
        next_rate_s = now_s + (self.drawn["hashrate_s"] or float("inf"))
        height = 0
        while True:
            height = await self._poll(height)
            now_s = asyncio.get_running_loop().time()
            if now_s >= next_share_s:
                await self._ask(*self._share())
                next_share_s = now_s + share_gap_s(1.0, self.drawn["share_s"], self.rng)
            if now_s >= next_rate_s:
                params = ["0x" + hex_digits(n_digits, self.rng) for n_digits in (64, 64)]
                await self._ask("/", "eth_submitHashrate", params)
                next_rate_s = now_s + self.drawn["hashrate_s"]
            await asyncio.sleep(self.drawn["poll_s"])

    def _share(self) -> tuple[str, str, list[str]]:
        block = hex_digits(self.drawn["template_digits"], self.rng)
        return {
            "ethereum": ("/", "eth_submitWork", ["0x" + hex_digits(n, self.rng) for n in (16, 64, 64)]),
            "daemon": ("/json_rpc", "submit_block", [block]),
            "template": ("/", "submitblock", [block]),
            "getwork": ("/", "getwork", [hex_digits(_WORK_DIGITS["data"], self.rng)]),
        }[self.drawn["style"]]

    async def _poll(self, height: int) -> int:
        if self.drawn["style"] == "ethereum":
            await self._ask("/", "eth_getWork", [])
            return 0
        if self.drawn["style"] == "getwork":
            await self._ask("/", "getwork", [])
            return 0
        if self.drawn["style"] == "template":
            await self._ask("/", "getblocktemplate", [{"capabilities": ["longpoll"], "rules": ["segwit"]}])
            return 0
        latest = int((await self._ask("/getheight", None, []))["height"])
        if latest != height:
            await self._ask("/json_rpc", "get_block_template", [hex_digits(95, self.rng), 8])
        return latest

    async def _ask(self, path: str, method: str | None, params: list[Any]) -> dict[str, Any]:
        self.n_asked += 1
        call = {"jsonrpc": "2.0", "id": self.n_asked, "method": method, "params": params}
        body = json.dumps(call, separators=(",", ":")) if method else ""
        head = f"{'POST' if method else 'GET'} {path} HTTP/1.1\r\nHost: {self.host}\r\n"
        head += f"User-Agent: {self.drawn['agent']}\r\nContent-Length: {len(body)}\r\n\r\n"
        await self.peer.send((head + body).encode())
        answer: dict[str, Any] = json.loads(await self.peer.http_body())
        return answer


async def _serve(site: Site, rng: Generator) -> None:
    node = _Node(site.parameters, rng)
    await together(node.find_blocks(), site.listen(node.attend))


async def _visit(site: Site, rng: Generator) -> None:
    async with site.connected() as peer:
        await _Miner(peer, site.parameters, site.server_name(), rng).mine()


_GETWORK = Actor(
    "getwork", "getwork", _draw, _serve, _visit, ports=(8545, 8332, 18081, 80), is_mining=True, clients=(1, 2)
)
ACTORS = (_GETWORK, over_tls(_GETWORK, (443,)))
