"""The pool's side of stratum: answers, judges, steers, and gives all miners new work in the same instant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowml.lab.mining.chain import next_work
from flowml.lab.mining.conduct import answer_after_s, delay_small_writes, steering
from flowml.lab.mining.dialect import Dialect, Drawn, Message, Work, encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from flowml.lab.mining.shares import Vardiff
    from flowml.lab.peer import Peer


@dataclass(slots=True)
class Pool:
    """One pool and its miners."""

    dialect: Dialect
    drawn: Drawn
    rng: Generator
    miners: dict[Peer, Vardiff] = field(default_factory=dict)

    async def renew(self) -> None:
        """Give new work to all miners, for ever."""
        drawn = self.drawn
        while True:
            refresh_s = drawn["refresh_s"] + self.rng.uniform(0.0, drawn["refresh_jitter_s"])
            is_block = await next_work(drawn["block_s"], refresh_s if drawn["refresh_s"] else 0.0, self.rng)
            for peer, vardiff in list(self.miners.items()):
                is_moved = drawn["steers_with_jobs"] and self._steer(vardiff)
                self._push(peer, Work(vardiff.difficulty, is_moved, is_block))

    async def notify(self) -> None:
        """Tell all owners something now and then, for ever."""
        while self.drawn["notice_s"] and self.dialect.notice is not None:
            await asyncio.sleep(self.rng.exponential(self.drawn["notice_s"]))
            message = self.dialect.notice(self.rng)
            for peer in self.miners:
                self._write(peer, [message])

    async def attend(self, peer: Peer) -> None:
        """Speak with one miner until it leaves."""
        if self.drawn["pool_delays"]:
            delay_small_writes(peer)
        vardiff = steering(self.drawn, asyncio.get_running_loop().time())
        try:
            while True:
                request = await peer.json_line()
                await asyncio.sleep(answer_after_s(self.drawn, self.rng))
                if self.dialect.kind(request) == self.dialect.share_method:
                    self._judge(peer, vardiff, request)
                else:
                    self._answer(peer, vardiff, request)
                await peer.writer.drain()
        finally:
            self.miners.pop(peer, None)

    def _answer(self, peer: Peer, vardiff: Vardiff, request: Message) -> None:
        work = Work(vardiff.difficulty, True, True)
        answer = self.dialect.answer(request, work, self.drawn, self.rng)
        self._write(peer, [] if answer is None else [answer])
        if self.dialect.kind(request) == self.dialect.login_method:
            self.miners[peer] = vardiff
            if not self.dialect.answers_with_work:
                self._push(peer, work)

    def _judge(self, peer: Peer, vardiff: Vardiff, request: Message) -> None:
        is_accepted = self.rng.random() >= self.drawn["rejected_ratio"]
        self._write(peer, [self.dialect.verdict(request, is_accepted, self.drawn, self.rng)])
        vardiff.count_share()
        if not self.drawn["steers_with_jobs"] and self._steer(vardiff):
            self._push(peer, Work(vardiff.difficulty, True, False))

    def _steer(self, vardiff: Vardiff) -> bool:
        return bool(self.drawn["vardiff"]) and vardiff.retarget(asyncio.get_running_loop().time())

    def _push(self, peer: Peer, work: Work) -> None:
        messages = list(self.dialect.work(work, self.drawn, self.rng))
        if self.rng.random() < self.drawn["doubled_ratio"]:
            # A template that is outdated before it left: both stand in one segment.
            stale = Work(work.difficulty, False, work.is_new_block)
            messages += self.dialect.work(stale, self.drawn, self.rng)
        self._write(peer, messages)

    def _write(self, peer: Peer, messages: Sequence[Message]) -> None:
        # Without waiting: one slow miner must not delay the news for the others.
        parts = [[message] for message in messages] if self.drawn["writes_apart"] else [messages]
        for part in parts:
            peer.writer.write(encoded(part, self.drawn["pool_spaces"]))
