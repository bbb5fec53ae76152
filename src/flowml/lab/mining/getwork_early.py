"""getwork at pools and nodes of 2010 to 2014, and eth_getWork over HTTP: polled, long-polled, handed in.

A miner asks every few seconds, or when it has searched its nonces, and keeps a second request open that the
pool answers when there is a block (X-Long-Polling names its path; en.bitcoin.it Getwork, Long polling). What
it found goes back with the same method and 256 digits. Old Ethereum miners ask every 0.2 to 10 s instead
(ethminer's --farm-recheck) and report their hash rate.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.calls import LEAST_ANEW_S, calling, draw_calls, heard, reply
from flowml.lab.mining.chain import next_work
from flowml.lab.mining.conduct import answer_after_s, draw_pool
from flowml.lab.mining.identities import hex_digits
from flowml.lab.mining.manners import with_manners
from flowml.lab.mining.outages import with_outages
from flowml.lab.mining.shares import share_gap_s
from flowml.lab.rhythm import pause_s, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.calls import Call
    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_DATA_DIGITS, _ETHEREUM_DIGITS = 256, 64
_LONG_POLL = "/LP"
_EXTENSIONS = (
    "",
    "X-Mining-Extensions: longpoll midstate rollntime submitold",
    "X-Mining-Extensions: hostlist midstate rollntime",
    "X-Mining-Extensions: midstate",
)


def _draw(rng: Generator) -> Parameters:
    is_ethereum = bool(rng.random() < 0.3)
    block_s = 14.0 if is_ethereum else float(rng.choice([60.0, 150.0, 300.0, 600.0, 600.0]))
    polls_s = [0.2, 0.5, 1.0, 2.0, 5.0, 10.0] if is_ethereum else [1.5, 3.0, 5.0, 5.0, 10.0, 20.0, 30.0, 60.0]
    shares_s = [15.0, 60.0, 120.0] if is_ethereum else [2.0, 5.0, 10.0, 20.0, 60.0]
    drawn = {
        **draw_pool(rng, block_s, [0.0], shares_s),
        **draw_calls(rng),
        "is_ethereum": is_ethereum,
        "poll_s": float(rng.choice(polls_s)),
        "rhythm": str(rng.choice(["steady", "jittered", "random"], p=[0.4, 0.4, 0.2])),
        "long_polls": not is_ethereum and bool(rng.random() < 0.7),
        "held_s": float(rng.choice([60.0, 300.0, 3600.0])),
        "submits_apart": bool(rng.random() < 0.3),
        "hashrate_s": float(rng.choice([0.0, 10.0, 20.0, 60.0])) if is_ethereum else 0.0,
        "rolls_time": bool(rng.random() < 0.5),
        "asks_for": "" if is_ethereum else str(rng.choice(_EXTENSIONS)),
        "leaves_out_midstate": bool(rng.random() < 0.25),
        "id": str(rng.choice(["", "json"])),
        "counts": bool(rng.random() < 0.4),
    }
    if drawn["closes"]:
        drawn["poll_s"] = max(drawn["poll_s"], LEAST_ANEW_S)
    return with_manners(drawn, rng)


@dataclass(slots=True)
class Pool:
    """A pool or a node."""

    drawn: Mapping[str, Any]
    rng: Generator
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def find_blocks(self) -> None:
        """Answer all that wait whenever there is a block, for ever."""
        while True:
            await next_work(self.drawn["block_s"], 0.0, self.rng)
            async with self.news:
                self.news.notify_all()

    async def attend(self, peer: Peer) -> None:
        """Answer a miner's calls."""
        if self.rng.random() < self.drawn["refused_ratio"]:
            await heard(peer)
            await reply(peer, self.drawn, b"Access denied", status="401 Authorization Required")
            return
        fields = []
        if self.drawn["long_polls"]:
            fields.append(f"X-Long-Polling: {_LONG_POLL}")
        if self.drawn["rolls_time"]:
            fields.append("X-Roll-NTime: expire=120")
        while True:
            path, body = await heard(peer)
            if path == _LONG_POLL:
                await self._wait_for_news()
            await asyncio.sleep(answer_after_s(self.drawn, self.rng))
            asked = json.loads(body or b'{"id": 1, "method": "getwork", "params": []}')
            await reply(peer, self.drawn, self._written(self.answer(asked)), *fields)
            if self.drawn["closes"]:
                return

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Build the answer to a call."""
        if asked["method"] == "getwork" and not asked["params"]:
            return {"result": self._work(), "error": None, "id": asked["id"]}
        if asked["method"] == "eth_getWork":
            work = ["0x" + hex_digits(_ETHEREUM_DIGITS, self.rng) for _ in range(3)]
            return {"id": asked["id"], "jsonrpc": "2.0", "result": work}
        is_accepted = bool(self.rng.random() >= self.drawn["rejected_ratio"])
        if asked["method"] == "getwork":
            return {"result": is_accepted, "error": None, "id": asked["id"]}
        return {"id": asked["id"], "jsonrpc": "2.0", "result": is_accepted}

    def _work(self) -> dict[str, str]:
        work = {"data": _DATA_DIGITS, "target": 64}
        if not self.drawn["leaves_out_midstate"]:
            work = {"midstate": 64, "data": _DATA_DIGITS, "hash1": 128, "target": 64}
        return {name: hex_digits(n_digits, self.rng) for name, n_digits in work.items()}

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(self.drawn["held_s"]), self.news:
                await self.news.wait()
        except TimeoutError:
            pass  # pools that merge other chains, or fear idle connections, answer without a block

    def _written(self, answer: Mapping[str, Any]) -> bytes:
        separators = (", ", ": ") if self.drawn["pool_spaces"] else (",", ":")
        return json.dumps(answer, separators=separators).encode() + b"\n"


@dataclass(slots=True)
class Miner:
    """A miner, which asks, waits and hands in side by side."""

    drawn: Mapping[str, Any]
    rng: Generator
    n_asked: int = 0

    async def fetch(self, call: Call) -> None:
        """Ask for work, for ever."""
        method = "eth_getWork" if self.drawn["is_ethereum"] else "getwork"
        while True:
            await call("/", self.question(method, []))
            await asyncio.sleep(pause_s(self.drawn["poll_s"], self.drawn["rhythm"], self.rng))

    async def hand_in(self, call: Call, hashes_per_s: float) -> None:
        """Send what is found, for ever."""
        while True:
            await asyncio.sleep(share_gap_s(hashes_per_s, self.drawn["start_difficulty"], self.rng))
            await call("/", self.share())

    async def wait(self, site: Site) -> None:
        """Keep a request open that is answered when there is a block, for ever."""
        async with calling(site) as call:
            while True:
                await call(_LONG_POLL, b"")

    async def report(self, call: Call) -> None:
        """Tell the hash rate by the clock."""
        while True:
            await asyncio.sleep(self.drawn["hashrate_s"])
            rate, identity = "0x" + hex_digits(64, self.rng), "0x" + hex_digits(64, self.rng)
            await call("/", self.question("eth_submitHashrate", [rate, identity]))

    def share(self) -> bytes:
        """Build what hands in a share."""
        if not self.drawn["is_ethereum"]:
            return self.question("getwork", [hex_digits(_DATA_DIGITS, self.rng)])
        return self.question("eth_submitWork", ["0x" + hex_digits(n, self.rng) for n in (16, 64, 64)])

    def question(self, method: str, params: list[str]) -> bytes:
        """Build the body of a call."""
        self.n_asked += 1
        call: dict[str, Any] = {"method": method, "params": params}
        call["id"] = self.n_asked if self.drawn["counts"] else self.drawn["id"] or int(bool(params))
        if self.drawn["is_ethereum"]:
            call["jsonrpc"] = "2.0"
        separators = (", ", ": ") if self.drawn["miner_spaces"] else (",", ":")
        return json.dumps(call, separators=separators).encode()


async def _serve(site: Site, rng: Generator) -> None:
    async def serve() -> None:
        pool = Pool(site.parameters, rng)
        await together(pool.find_blocks(), site.listen(pool.attend))

    await with_outages(site, rng, serve)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    hashes_per_s = drawn["hashes_per_s"] * rng.lognormal(0.0, 0.5)
    miner = Miner(drawn, rng)
    async with asyncio.timeout(rng.exponential(drawn["session_s"]) + 30.0), calling(site) as call:
        parts = [miner.fetch(call)]
        if not drawn["submits_apart"]:
            parts.append(miner.hand_in(call, hashes_per_s))
        if drawn["hashrate_s"]:
            parts.append(miner.report(call))
        if drawn["long_polls"]:
            parts.append(miner.wait(site))
        apart = [_hand_in_apart(site, miner, hashes_per_s)] if drawn["submits_apart"] else []
        await together(*parts, *apart)


async def _hand_in_apart(site: Site, miner: Miner, hashes_per_s: float) -> None:
    async with calling(site) as call:
        await miner.hand_in(call, hashes_per_s)


_EARLY = Actor(
    "getwork-early",
    "getwork",
    _draw,
    _serve,
    _visit,
    ports=(8332, 8337, 9332, 8545, 80),
    is_mining=True,
    clients=(1, 3),
)
ACTORS = (_EARLY, over_tls(_EARLY, (443, 8443)))
