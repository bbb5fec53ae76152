"""Stratum V2: binary frames inside a Noise channel, of which only sizes and times are to be seen.

Sizes follow stratum-mining/sv2-spec 04 and 05: a frame is an encrypted header of 22 bytes and a payload with
16 bytes of authentication. The lab fills frames of that size with its own header and noise instead of
encrypting them, as nothing in flowml looks inside.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters
from flowml.lab.mining.chain import next_work
from flowml.lab.mining.conduct import answer_after_s, delay_small_writes, draw_pool, steering
from flowml.lab.mining.outages import with_outages
from flowml.lab.mining.shares import happens_within, share_gap_s
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.mining.shares import Vardiff
    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_FIRST_ACT = 64  # an ElligatorSwift key
_HEADER, _AUTHENTICATION = 22, 16
_PLAIN = struct.Struct(">BHd")  # kind, payload size, difficulty: what the lab's two sides need to know
_Drawn = Mapping[str, Any]


class Kind(IntEnum):
    """Messages of the mining protocol that matter here."""

    SETUP = 0
    SETUP_SUCCESS = 1
    OPEN_CHANNEL = 2
    OPEN_CHANNEL_SUCCESS = 3
    SHARE = 4
    SHARE_SUCCESS = 5
    SHARE_ERROR = 6
    SET_TARGET = 7
    SET_PREVIOUS_HASH = 8
    JOB = 9


_STANDARD = {
    Kind.SETUP: 16,  # protocol, versions, flags, port and the lengths of five strings, which come on top
    Kind.SETUP_SUCCESS: 6,
    Kind.OPEN_CHANNEL: 41,  # request, hash rate, target and the length of the user's name
    Kind.OPEN_CHANNEL_SUCCESS: 45,  # request, channel, target, group and the length of the prefix
    Kind.SHARE: 24,
    Kind.SHARE_SUCCESS: 20,
    Kind.SHARE_ERROR: 9,  # channel, number and the length of the reason
    Kind.SET_TARGET: 36,
    Kind.SET_PREVIOUS_HASH: 48,
    Kind.JOB: 45,
}
_EXTENDED = {
    **_STANDARD,
    Kind.OPEN_CHANNEL: 43,  # and how much extranonce the miner needs
    Kind.OPEN_CHANNEL_SUCCESS: 43,  # request, channel, target, extranonce size and the length of the prefix
    Kind.SHARE: 25,  # and the length of the extranonce
    Kind.JOB: 19,  # channel, job, no time, version, rolling, and the lengths of path and coinbase halves
}
_STRINGS = {
    Kind.SETUP: "device_bytes",
    Kind.OPEN_CHANNEL: "user_bytes",
    Kind.OPEN_CHANNEL_SUCCESS: "prefix_bytes",
    Kind.SHARE_ERROR: "reason_bytes",
}


def payload_bytes(kind: Kind, drawn: _Drawn) -> int:
    """Payload of a message, in bytes; an extended channel carries coinbase, merkle path and extranonce."""
    sizes = _EXTENDED if drawn["is_extended"] else _STANDARD
    n_bytes = sizes[kind] + (int(drawn[_STRINGS[kind]]) if kind in _STRINGS else 0)
    if drawn["is_extended"] and kind is Kind.SHARE:
        n_bytes += int(drawn["extranonce_bytes"])
    if drawn["is_extended"] and kind is Kind.JOB:
        n_bytes += int(drawn["coinbase_bytes"]) + 32 * int(drawn["merkle_branches"])
    return n_bytes


def frame(kind: Kind, drawn: _Drawn, rng: Generator, difficulty: float = 0.0) -> bytes:
    """Build a message of the size that its encrypted form has on the wire."""
    n_payload_bytes = payload_bytes(kind, drawn)
    head = _PLAIN.pack(kind, n_payload_bytes, difficulty)
    return head + rng.bytes(_HEADER - len(head) + n_payload_bytes + _AUTHENTICATION)


async def read_frame(peer: Peer) -> tuple[Kind, float]:
    """Read what ``frame`` built: its kind and difficulty."""
    head = await peer.exactly(_HEADER)
    kind, n_payload_bytes, difficulty = _PLAIN.unpack(head[: _PLAIN.size])
    await peer.exactly(n_payload_bytes + _AUTHENTICATION)
    return Kind(kind), difficulty


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_pool(rng, 600.0, [15.0, 30.0, 60.0], [3.33, 6.0, 10.0, 20.0]),
        "is_extended": bool(rng.random() < 0.5),
        # The specification's text says 170, its fields add up to 234; both are built.
        "second_act_bytes": int(rng.choice([170, 234])),
        "coinbase_bytes": int(rng.integers(120, 320)),
        "merkle_branches": int(rng.integers(0, 14)),
        "batched_answers": int(rng.choice([1, 1, 5, 20])),
        "device_bytes": int(rng.integers(20, 130)),
        "user_bytes": int(rng.integers(5, 64)),
        "prefix_bytes": int(rng.choice([4, 8, 16, 32])),
        "extranonce_bytes": int(rng.choice([4, 8, 16])),
        "reason_bytes": int(
            rng.choice([11, 16, 20])
        ),  # "stale-share", "invalid-job-id", "difficulty-too-low"
    }


@dataclass(slots=True)
class _Pool:
    drawn: _Drawn
    rng: Generator
    miners: set[Peer] = field(default_factory=set)

    async def renew(self) -> None:
        """Give all miners new work, for ever."""
        while True:
            is_block = await next_work(self.drawn["block_s"], self.drawn["refresh_s"], self.rng)
            for peer in self.miners:
                peer.writer.write(self._work(is_block))

    async def attend(self, peer: Peer) -> None:
        """Shake hands, open a channel, and judge shares until the miner leaves."""
        drawn = self.drawn
        if drawn["pool_delays"]:
            delay_small_writes(peer)
        await peer.exactly(_FIRST_ACT)
        await peer.send(self.rng.bytes(drawn["second_act_bytes"]))
        for kind in (Kind.SETUP_SUCCESS, Kind.OPEN_CHANNEL_SUCCESS):
            await read_frame(peer)
            await asyncio.sleep(answer_after_s(drawn, self.rng))
            await peer.send(frame(kind, drawn, self.rng, drawn["start_difficulty"]))
        await peer.send(self._work(is_block=True))
        self.miners.add(peer)
        try:
            await self._judge(peer, steering(drawn, asyncio.get_running_loop().time()))
        finally:
            self.miners.discard(peer)

    async def _judge(self, peer: Peer, vardiff: Vardiff) -> None:
        n_unanswered = 0
        while True:
            await read_frame(peer)
            await asyncio.sleep(answer_after_s(self.drawn, self.rng))
            n_unanswered += 1
            if self.rng.random() < self.drawn["rejected_ratio"]:
                await peer.send(frame(Kind.SHARE_ERROR, self.drawn, self.rng))
            elif n_unanswered >= self.drawn["batched_answers"]:
                n_unanswered = 0
                await peer.send(frame(Kind.SHARE_SUCCESS, self.drawn, self.rng))
            vardiff.count_share()
            if self.drawn["vardiff"] and vardiff.retarget(asyncio.get_running_loop().time()):
                await peer.send(frame(Kind.SET_TARGET, self.drawn, self.rng, vardiff.difficulty))

    def _work(self, is_block: bool) -> bytes:
        job = frame(Kind.JOB, self.drawn, self.rng)
        return job + frame(Kind.SET_PREVIOUS_HASH, self.drawn, self.rng) if is_block else job


@dataclass(slots=True)
class _Miner:
    peer: Peer
    drawn: _Drawn
    hashes_per_s: float
    rng: Generator
    difficulty: float = 0.0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def mine(self) -> None:
        """Shake hands, open a channel and send shares until the connection breaks."""
        if self.drawn["miner_delays"]:
            delay_small_writes(self.peer)
        await self.peer.send(self.rng.bytes(_FIRST_ACT))
        await self.peer.exactly(self.drawn["second_act_bytes"])
        for kind in (Kind.SETUP, Kind.OPEN_CHANNEL):
            await self.peer.send(frame(kind, self.drawn, self.rng))
            _, self.difficulty = await read_frame(self.peer)
        await together(self._listen(), self._submit())

    async def _listen(self) -> None:
        while True:
            _, difficulty = await read_frame(self.peer)
            if difficulty:
                self.difficulty = difficulty
                self.news.set()

    async def _submit(self) -> None:
        while True:
            gap_s = share_gap_s(self.hashes_per_s, self.difficulty, self.rng)
            if not await happens_within(self.news, gap_s):
                await self.peer.send(frame(Kind.SHARE, self.drawn, self.rng))


async def _serve(site: Site, rng: Generator) -> None:
    async def serve() -> None:
        pool = _Pool(site.parameters, rng)
        await together(pool.renew(), site.listen(pool.attend))

    await with_outages(site, rng, serve)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    hashes_per_s = drawn["hashes_per_s"] * rng.lognormal(0.0, 0.5)
    async with asyncio.timeout(rng.exponential(drawn["session_s"]) + 30.0), site.connected() as peer:
        await _Miner(peer, drawn, hashes_per_s, rng).mine()


_STRATUM_V2 = Actor(
    "stratum-v2",
    "stratum-v2",
    _draw,
    _serve,
    _visit,
    ports=(34254, 34265, 3336, 443),
    is_mining=True,
    clients=(1, 4),
)
ACTORS = (_STRATUM_V2,)
