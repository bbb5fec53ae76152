"""The course of stratum, for all families that speak it with messages of their own.

A miner opens with some requests, the pool gives out work and a difficulty, shares are sent and answered, work
is renewed for all miners in the same instant. A ``Dialect`` says what the messages are.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowml.lab.mining.chain import next_work
from flowml.lab.mining.shares import Vardiff, VardiffSettings, draw_start_ratio, happens_within, share_gap_s
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

Message = dict[str, Any]
Drawn = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """What a pool tells a miner to do."""

    difficulty: float
    is_new_difficulty: bool
    is_new_block: bool


def _no_timers(drawn: Drawn) -> Sequence[tuple[float, Callable[[int, Generator], Message]]]:
    del drawn
    return ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """The messages of a family. All get the instance's parameters and a generator.

    Attributes
    ----------
    opening
        Requests with which a miner starts; each waits for the answer to the one before.
    answer
        The pool's answer to a request that is no share.
    work
        The messages that give out work.
    share
        The message with a share, from its number and the current job's name.
    verdict
        The pool's answer to a share: the request, whether it is accepted.
    heed
        What a miner learns from a message: the name of its job, its difficulty, or nothing.
    login_method, share_method
        Names of the request after which a pool begins to give out work, and of the one that carries a share.
    timers
        Period in seconds and builder of what a miner sends besides, by the clock.
    """

    opening: Callable[[Drawn, Generator], Sequence[Message]]
    answer: Callable[[Message, Drawn, Generator], Message]
    work: Callable[[Work, Drawn, Generator], Sequence[Message]]
    share: Callable[[int, str, Drawn, Generator], Message]
    verdict: Callable[[Message, bool, Drawn, Generator], Message]
    heed: Callable[[Message], tuple[str | None, float | None]]
    login_method: str
    share_method: str
    timers: Callable[[Drawn], Sequence[tuple[float, Callable[[int, Generator], Message]]]] = _no_timers


def draw_pool(
    rng: Generator, block_s: float, refreshes_s: Sequence[float], targets_s: Sequence[float]
) -> dict[str, Any]:
    """Draw what all pools and their miners differ in.

    ``hashes_per_s`` counts in difficulty units: a miner finds a share of difficulty d every d/hashes_per_s.
    """
    target_s = float(rng.choice(targets_s))
    hashes_per_s = float(rng.lognormal(5.0, 2.0))
    is_steered = bool(rng.random() < 0.7)
    return {
        "block_s": block_s,
        "refresh_s": float(rng.choice(refreshes_s)),
        "target_s": target_s,
        "retarget_s": float(rng.choice([30.0, 60.0, 90.0, 240.0])),
        "variance_ratio": float(rng.uniform(0.1, 0.5)),
        "vardiff": is_steered,
        "burst_shares": int(rng.choice([12, 24, 72])),
        "has_octaves": bool(rng.random() < 0.5),
        "hashes_per_s": hashes_per_s,
        "start_difficulty": hashes_per_s * target_s * draw_start_ratio(is_steered, rng),
        "rejected_ratio": float(rng.choice([0.0, 0.0, 0.01, 0.05])),
        "think_s": float(rng.uniform(0.001, 0.03)),
        "session_s": float(rng.choice([600.0, 3600.0, 36000.0])),
        "pool_spaces": bool(rng.random() < 0.3),
        "miner_spaces": bool(rng.random() < 0.5),
    }


def encoded(messages: Sequence[Message], with_spaces: bool) -> bytes:
    """Lines of JSON, in the style of Python's and cgminer's (with spaces) or of most others (without)."""
    separators = (", ", ": ") if with_spaces else (",", ":")
    return b"".join(json.dumps(message, separators=separators).encode() + b"\n" for message in messages)


@dataclass(slots=True)
class _Pool:
    dialect: Dialect
    drawn: Drawn
    rng: Generator
    miners: dict[Peer, Vardiff] = field(default_factory=dict)

    async def renew(self) -> None:
        """Give new work to all miners, for ever."""
        while True:
            is_block = await next_work(self.drawn["block_s"], self.drawn["refresh_s"], self.rng)
            for peer, vardiff in list(self.miners.items()):
                self._push(peer, Work(vardiff.difficulty, False, is_block))

    async def attend(self, peer: Peer) -> None:
        """Speak with one miner until it leaves."""
        drawn = self.drawn
        steering = (
            drawn["target_s"],
            drawn["retarget_s"],
            drawn["variance_ratio"],
            drawn["start_difficulty"],
        )
        vardiff = Vardiff(
            VardiffSettings(*steering, 1e-6, drawn["burst_shares"], drawn["has_octaves"]), time.monotonic()
        )
        try:
            while True:
                request = await peer.json_line()
                await asyncio.sleep(self.rng.exponential(drawn["think_s"]))
                if request["method"] == self.dialect.share_method:
                    await self._judge(peer, vardiff, request)
                    continue
                await self._send(peer, [self.dialect.answer(request, drawn, self.rng)])
                if request["method"] == self.dialect.login_method:
                    self.miners[peer] = vardiff
                    self._push(peer, Work(vardiff.difficulty, True, True))
        finally:
            self.miners.pop(peer, None)

    async def _judge(self, peer: Peer, vardiff: Vardiff, request: Message) -> None:
        is_accepted = self.rng.random() >= self.drawn["rejected_ratio"]
        await self._send(peer, [self.dialect.verdict(request, is_accepted, self.drawn, self.rng)])
        vardiff.count_share()
        if self.drawn["vardiff"] and vardiff.retarget(time.monotonic()):
            self._push(peer, Work(vardiff.difficulty, True, False))

    async def _send(self, peer: Peer, messages: Sequence[Message]) -> None:
        await peer.send(encoded(messages, self.drawn["pool_spaces"]))

    def _push(self, peer: Peer, work: Work) -> None:
        # Without waiting: one slow miner must not delay the news for the others.
        peer.writer.write(encoded(self.dialect.work(work, self.drawn, self.rng), self.drawn["pool_spaces"]))


@dataclass(slots=True)
class _Miner:
    dialect: Dialect
    peer: Peer
    drawn: Drawn
    hashes_per_s: float
    rng: Generator
    job: str = ""
    difficulty: float = 0.0
    n_sent: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def mine(self) -> None:
        """Open and mine until the connection breaks."""
        for request in self.dialect.opening(self.drawn, self.rng):
            self.n_sent += 1
            await self._send(request)
            while (message := await self.peer.json_line()).get("id") != request["id"]:
                self._heed(message)
            self._heed(message)
        timers = (self._by_the_clock(*timer) for timer in self.dialect.timers(self.drawn))
        await together(self._listen(), self._submit(), *timers)

    async def _listen(self) -> None:
        while True:
            self._heed(await self.peer.json_line())

    async def _submit(self) -> None:
        while True:
            if not self.job or not self.difficulty:
                self.news.clear()
                await self.news.wait()
                continue
            gap_s = share_gap_s(self.hashes_per_s, self.difficulty, self.rng)
            if await happens_within(self.news, gap_s):
                continue  # perhaps another difficulty; the wait has no memory, so it may start anew
            self.n_sent += 1
            await self._send(self.dialect.share(self.n_sent, self.job, self.drawn, self.rng))

    async def _by_the_clock(self, period_s: float, build: Callable[[int, Generator], Message]) -> None:
        while True:
            await asyncio.sleep(period_s)
            self.n_sent += 1
            await self._send(build(self.n_sent, self.rng))

    async def _send(self, message: Message) -> None:
        await self.peer.send(encoded([message], self.drawn["miner_spaces"]))

    def _heed(self, message: Message) -> None:
        job, difficulty = self.dialect.heed(message)
        self.job, self.difficulty = job or self.job, difficulty or self.difficulty
        if job or difficulty:
            self.news.set()


@dataclass(frozen=True, slots=True)
class Stratum:
    """Pool and miner of a dialect: ``serve`` and ``visit`` of an actor."""

    dialect: Dialect

    async def serve(self, site: Site, rng: Generator) -> None:
        """Be the pool."""
        pool = _Pool(self.dialect, site.parameters, rng)
        await together(pool.renew(), site.listen(pool.attend))

    async def visit(self, site: Site, rng: Generator) -> None:
        """Mine for one session."""
        drawn = site.parameters
        hashes_per_s = drawn["hashes_per_s"] * rng.lognormal(0.0, 0.5)
        async with asyncio.timeout(rng.exponential(drawn["session_s"]) + 30.0), site.connected() as peer:
            await _Miner(self.dialect, peer, drawn, hashes_per_s, rng).mine()
