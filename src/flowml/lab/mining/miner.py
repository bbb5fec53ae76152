"""The miner's side of stratum: opens, listens, and sends the shares it would have found."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowml.lab.mining.conduct import delay_small_writes
from flowml.lab.mining.dialect import Dialect, Drawn, Heard, Message, Timer, encoded
from flowml.lab.mining.shares import happens_within, share_gap_s
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer

ANSWER_S = 20.0
"""A pool that says nothing for so long is given up (XMRig, Client.h); others come back later."""

_TCP_IDLE_S = 60


@dataclass(slots=True)
class Miner:
    """One connection to a pool."""

    dialect: Dialect
    peer: Peer
    drawn: Drawn
    hashes_per_s: float
    rng: Generator
    n_sent: int
    """Messages that the program has sent since it was started, on earlier connections too."""

    known: Heard = field(default_factory=Heard)
    last_sent_s: float = 0.0
    phase_s: float = 0.0
    """Where the miner stands in its turns and rests, as each stands somewhere else."""

    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def mine(self) -> None:
        """Open and mine until the connection breaks."""
        is_fresh = self.n_sent == 0
        self.phase_s = self.rng.uniform(0.0, self.drawn["turn_s"] + self.drawn["rest_s"])
        self.peer.probe_when_idle(_TCP_IDLE_S)
        if self.drawn["miner_delays"]:
            delay_small_writes(self.peer)
        for request in self.dialect.opening(self.drawn, self.rng):
            await self._ask(request)
        timers = (self._by_the_clock(timer) for timer in self.dialect.timers(self.drawn))
        await together(self._listen(), self._submit(is_fresh), self._keep_alive(), *timers)

    async def _ask(self, request: Message) -> None:
        await self._send(request)
        async with asyncio.timeout(ANSWER_S):
            while (message := await self.peer.json_line()).get("id") != request["id"]:
                await self._take(message)
        self._heed(message)

    async def _listen(self) -> None:
        while not self.known.must_leave:
            await self._take(await self.peer.json_line())
        raise ConnectionAbortedError("the pool sent its miners away, to come again")

    async def _submit(self, is_fresh: bool) -> None:
        if is_fresh:  # a program that has just been started fills its tables first (RandomX, Ethash)
            await asyncio.sleep(self.rng.exponential(self.drawn["warmup_s"]))
        while True:
            if not self.known.job or not self.known.difficulty:
                self.news.clear()
                await self.news.wait()
                continue
            gap_s = share_gap_s(self.hashes_per_s, self.known.difficulty, self.rng)
            # News may be another difficulty, and in a rest nobody hashes; the wait has no memory, so it may
            # start anew.
            if await happens_within(self.news, gap_s) or self._rests():
                continue
            await self._send(self.dialect.share(self.n_sent + 1, self.known, self.drawn, self.rng))

    def _rests(self) -> bool:
        """Whether the machine hashes for somebody else now, or for nobody."""
        turn_s, rest_s = float(self.drawn["turn_s"]), float(self.drawn["rest_s"])
        at_s = asyncio.get_running_loop().time() + self.phase_s
        return rest_s > 0.0 and at_s % (turn_s + rest_s) > turn_s

    async def _keep_alive(self) -> None:
        while self._shows_life() and self.dialect.keep_alive is not None:
            idle_s = asyncio.get_running_loop().time() - self.last_sent_s
            if idle_s < self.dialect.keep_alive_s:
                await asyncio.sleep(self.dialect.keep_alive_s - idle_s)
                continue
            await self._send(self.dialect.keep_alive(self.n_sent + 1, self.known))

    def _shows_life(self) -> bool:
        return self.known.keeps_alive or bool(self.drawn["lives_unasked"])

    async def _by_the_clock(self, timer: Timer) -> None:
        period_s, build = timer
        while True:
            await asyncio.sleep(period_s)
            await self._send(build(self.n_sent + 1, self.rng))

    async def _send(self, message: Message) -> None:
        self.n_sent, self.last_sent_s = self.n_sent + 1, asyncio.get_running_loop().time()
        await self.peer.send(encoded([message], self.drawn["miner_spaces"]))

    async def _take(self, message: Message) -> None:
        self._heed(message)
        if (reply := self.dialect.reply(message, self.drawn)) is not None:
            await self.peer.send(encoded([reply], self.drawn["miner_spaces"]))

    def _heed(self, message: Message) -> None:
        heard = self.dialect.heed(message)
        self.known = self.known.and_then(heard)
        if heard.job or heard.difficulty:
            self.news.set()
