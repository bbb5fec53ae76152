"""Mining in a protocol that nobody has written yet: what all pools and miners do, in sizes of no family.

A detector that knows families is blind to the next one. What mining cannot do without is the same in all of
them: a server hands out work and renews it when a block was found or a timer ran out, the miner finds results
by a process without memory, each is small, of nearly constant size and confirmed at once. Everything else is
drawn from wide ranges here: sizes, framing, who asks, how a connection opens, what is sent besides.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.mining.chain import next_work
from flowml.lab.mining.shares import Vardiff, VardiffSettings, draw_start_ratio, happens_within, share_gap_s
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_HEAD_BYTES = 5  # length and kind
_FIRST_WORK_S = 0.05


class Kind(IntEnum):
    """What a message is."""

    OPEN, WORK, ASK, CHECK, SHARE, REPLY, NOTE, STATUS = range(8)


def _between(rng: Generator, low: float, high: float) -> float:
    """Draw a figure whose order of magnitude is uniform."""
    return float(low * (high / low) ** rng.random())


def draw(rng: Generator) -> Parameters:
    """Draw a pool that resembles no other."""
    target_s = _between(rng, 0.7, 90.0)
    is_steered = bool(rng.random() < 0.6)
    hashes_per_s = float(rng.lognormal(6.0, 1.0))
    block_s = _between(rng, 0.4, 600.0)
    needs_timer = block_s > 90.0 or rng.random() < 0.4
    # work is pushed; asked for by the clock; asked for when a status that is polled says so; one request is
    # held open until there is some; or it is asked for after each result
    style = str(rng.choice(["push", "poll", "status", "held", "turn"], p=[0.56, 0.12, 0.11, 0.11, 0.1]))
    return {
        "style": style,
        # what a carrier of messages adds to each, such as the headers of HTTP
        "client_envelope_bytes": int(rng.choice([0, 0, _between(rng, 6, 400)])),
        "server_envelope_bytes": int(rng.choice([0, 0, _between(rng, 6, 300)])),
        "n_opening": int(rng.integers(1, 6)),
        "opening_bytes": int(_between(rng, 30, 700)),
        "opening_spread": float(rng.uniform(0.0, 0.8)),
        "welcome_bytes": int(_between(rng, 15, 900)),
        "work_bytes": int(_between(rng, 40, 2600)),
        "work_forms": int(rng.choice([1, 1, 2, 3])),
        "work_spread_bytes": int(rng.choice([0, 0, 2, 12, 80])),
        "notice_bytes": int(rng.choice([0, 0, _between(rng, 15, 150)])),
        "ask_bytes": int(_between(rng, 20, 300)),
        "status_bytes": int(_between(rng, 10, 200)),
        "poll_s": _between(rng, 0.5, 30.0),
        "block_s": block_s,
        "refresh_s": _between(rng, 5.0, 120.0) if needs_timer else 0.0,
        "share_bytes": int(_between(rng, 20, 2800)),  # up to a proof of Equihash in hexadecimal digits
        "share_spread_bytes": int(rng.choice([0, 1, 2, 6])),
        "verdict_bytes": int(_between(rng, 8, 250)),
        "verdict_every": 1 if style == "turn" else int(rng.choice([1, 1, 1, 1, 1, 4, 10])),
        "rejected_ratio": float(rng.choice([0.0, 0.01, 0.05])),
        "rejected_extra_bytes": int(rng.integers(5, 80)),
        "note_s": float(rng.choice([0.0, 0.0, _between(rng, 5.0, 120.0)])),
        "note_bytes": int(_between(rng, 10, 250)),
        "target_s": target_s,
        "vardiff": is_steered,
        "retarget_s": float(rng.choice([30.0, 60.0, 120.0, 240.0])),
        "variance_ratio": float(rng.uniform(0.1, 0.5)),
        "burst_shares": int(rng.choice([12, 24, 72])),
        "hashes_per_s": hashes_per_s,
        "start_difficulty": hashes_per_s * target_s * draw_start_ratio(is_steered, rng),
        "think_s": _between(rng, 0.0005, 0.05),
        "session_s": float(rng.choice([90.0, 300.0, 600.0, 3600.0, 36000.0])),
    }


def message(kind: int, n_bytes: float, rng: Generator, told: bytes = b"") -> bytes:
    """A message of that size: length, kind, what is told, and what looks like data."""
    body = told + rng.bytes(max(int(n_bytes) - _HEAD_BYTES - len(told), 0))
    return len(body).to_bytes(4, "big") + bytes([kind]) + body


async def _received(peer: Peer) -> tuple[Kind, bytes]:
    head = await peer.exactly(_HEAD_BYTES)
    return Kind(head[4]), await peer.exactly(int.from_bytes(head[:4], "big"))


@dataclass(slots=True)
class Pool:
    """Gives out work to all miners and confirms what they find."""

    drawn: Mapping[str, Any]
    rng: Generator
    miners: dict[Peer, Vardiff] = field(default_factory=dict)
    waiting: set[Peer] = field(default_factory=set)
    height: int = 0

    async def renew(self) -> None:
        """Renew the work of all miners, for ever."""
        while True:
            await next_work(self.drawn["block_s"], self.drawn["refresh_s"], self.rng)
            self.height += 1
            if self.drawn["style"] == "push":
                for peer, vardiff in list(self.miners.items()):
                    peer.writer.write(self._work(vardiff.difficulty))
            for peer in list(self.waiting):
                self.waiting.discard(peer)
                peer.writer.write(self._asked_work(self.miners[peer]))

    async def attend(self, peer: Peer) -> None:
        """Speak with one miner until it leaves."""
        drawn, n_shares = self.drawn, 0
        steering = VardiffSettings(
            drawn["target_s"],
            drawn["retarget_s"],
            drawn["variance_ratio"],
            drawn["start_difficulty"],
            1e-6,
            drawn["burst_shares"],
        )
        vardiff = self.miners[peer] = Vardiff(steering, asyncio.get_running_loop().time())
        try:
            for _ in range(drawn["n_opening"]):
                await _received(peer)
                await self._think()
                await peer.send(self._told(Kind.REPLY, drawn["welcome_bytes"]))
            if drawn["style"] in ("push", "held"):
                await asyncio.sleep(self.rng.exponential(_FIRST_WORK_S))
                await peer.send(self._work(vardiff.difficulty))
            while True:
                kind, _ = await _received(peer)
                await self._think()
                if kind == Kind.SHARE:
                    n_shares += 1
                    await self._judge(peer, vardiff, n_shares)
                elif kind == Kind.ASK and drawn["style"] == "held":
                    self.waiting.add(peer)
                else:
                    await peer.send(self._answer(kind, vardiff))
        finally:
            del self.miners[peer]
            self.waiting.discard(peer)

    async def _judge(self, peer: Peer, vardiff: Vardiff, n_shares: int) -> None:
        drawn = self.drawn
        if n_shares % drawn["verdict_every"] == 0:
            is_rejected = self.rng.random() < drawn["rejected_ratio"]
            extra = drawn["rejected_extra_bytes"] if is_rejected else 0
            await peer.send(self._told(Kind.REPLY, drawn["verdict_bytes"] + extra))
        vardiff.count_share()
        if drawn["style"] == "push" and self._steer(vardiff):
            await peer.send(self._work(vardiff.difficulty))

    def _steer(self, vardiff: Vardiff) -> bool:
        """Adjust a miner's difficulty; only when it is told at once, or it would run away unheard."""
        return bool(self.drawn["vardiff"]) and vardiff.retarget(asyncio.get_running_loop().time())

    def _asked_work(self, vardiff: Vardiff) -> bytes:
        self._steer(vardiff)
        return self._work(vardiff.difficulty)

    def _answer(self, kind: int, vardiff: Vardiff) -> bytes:
        if kind == Kind.ASK:
            return self._asked_work(vardiff)
        if kind == Kind.CHECK:
            return self._told(Kind.STATUS, self.drawn["status_bytes"], b"%12d" % self.height)
        return self._told(Kind.REPLY, self.drawn["verdict_bytes"])

    def _work(self, difficulty: float) -> bytes:
        drawn = self.drawn
        form = int(self.rng.integers(drawn["work_forms"]))
        n_bytes = drawn["work_bytes"] * (1.0 + 0.4 * form)
        n_bytes += int(self.rng.integers(0, drawn["work_spread_bytes"] + 1))
        notice = self._told(Kind.NOTE, drawn["notice_bytes"]) if drawn["notice_bytes"] else b""
        return notice + self._told(Kind.WORK, n_bytes, b"%.6e" % difficulty)

    def _told(self, kind: int, n_bytes: float, told: bytes = b"") -> bytes:
        return message(kind, n_bytes + self.drawn["server_envelope_bytes"], self.rng, told)

    async def _think(self) -> None:
        await asyncio.sleep(self.rng.exponential(self.drawn["think_s"]))


@dataclass(slots=True)
class Miner:
    """Asks or waits for work and sends what a miner would find."""

    peer: Peer
    drawn: Mapping[str, Any]
    hashes_per_s: float
    rng: Generator
    difficulty: float = 0.0
    height: int = -1
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def mine(self) -> None:
        """Open and mine until the connection breaks."""
        drawn = self.drawn
        for _ in range(drawn["n_opening"]):
            n_bytes = drawn["opening_bytes"] * self.rng.lognormal(0.0, drawn["opening_spread"])
            await self._say(Kind.OPEN, min(n_bytes, 4000))
            kind = Kind.NOTE
            while kind != Kind.REPLY:
                kind, _ = await _received(self.peer)
        parts = [self._listen(), self._submit()]
        if drawn["style"] == "turn":
            await self._say(Kind.ASK, drawn["ask_bytes"])
        if drawn["style"] in ("poll", "status"):
            kind = Kind.ASK if drawn["style"] == "poll" else Kind.CHECK
            parts.append(self._by_the_clock(kind, drawn["ask_bytes"], drawn["poll_s"]))
        if drawn["note_s"]:
            parts.append(self._by_the_clock(Kind.NOTE, drawn["note_bytes"], drawn["note_s"]))
        await together(*parts)

    async def _listen(self) -> None:
        while True:
            kind, body = await _received(self.peer)
            if kind == Kind.STATUS and int(body[:12]) != self.height:
                self.height = int(body[:12])
                await self._say(Kind.ASK, self.drawn["ask_bytes"])
            if kind == Kind.REPLY and self.drawn["style"] == "turn":
                await self._say(Kind.ASK, self.drawn["ask_bytes"])
            if kind != Kind.WORK:
                continue
            difficulty = float(body[:12])
            if difficulty != self.difficulty:
                self.difficulty = difficulty
                self.news.set()
            if self.drawn["style"] == "held":
                await self._say(Kind.ASK, self.drawn["ask_bytes"])

    async def _submit(self) -> None:
        while True:
            if not self.difficulty:
                self.news.clear()
                await self.news.wait()
                continue
            if await happens_within(self.news, share_gap_s(self.hashes_per_s, self.difficulty, self.rng)):
                continue  # another difficulty; the wait has no memory, so it may start anew
            spread = int(self.rng.integers(0, self.drawn["share_spread_bytes"] + 1))
            if self.drawn["style"] == "turn":
                self.difficulty = 0.0  # nothing to work on until there is new work
            await self._say(Kind.SHARE, self.drawn["share_bytes"] + spread)

    async def _by_the_clock(self, kind: int, n_bytes: int, period_s: float) -> None:
        while True:
            await asyncio.sleep(period_s)
            await self._say(kind, n_bytes)

    async def _say(self, kind: int, n_bytes: float) -> None:
        await self.peer.send(message(kind, n_bytes + self.drawn["client_envelope_bytes"], self.rng))


async def _serve(site: Site, rng: Generator) -> None:
    pool = Pool(site.parameters, rng)
    await together(pool.renew(), site.listen(pool.attend))


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    hashes_per_s = drawn["hashes_per_s"] * rng.lognormal(0.0, 0.5)
    async with asyncio.timeout(rng.exponential(drawn["session_s"]) + 30.0), site.connected() as peer:
        await Miner(peer, drawn, hashes_per_s, rng).mine()


_GENERIC = Actor(
    "generic-mining",
    "generic",
    draw,
    _serve,
    _visit,
    ports=(4444, 5555, 8888, 9999, 14444),
    is_mining=True,
    clients=(1, 3),
)
ACTORS = (_GENERIC, over_tls(_GENERIC, (443, 8443)))
