"""A disguise: what the helpers at both ends of a miner's connection do to its messages.

A file of an evasion fills in a ``Disguise`` and hands it to ``disguised``; the helpers are the same for all.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flowml.lab.evasions.frames import HEADER_BYTES, Kind, frame, hello, read_frame, read_hello
from flowml.lab.relay import CHUNK_BYTES, local_pair, until_gone
from flowml.lab.rhythm import background, together

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine

    from numpy.random import Generator

    from flowml.lab.actor import Actor
    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_FREE_CHUNKS = 4
"""The miner's first messages are never held: a login that takes minutes would help nobody."""


def _no_padding(n_bytes: int, rng: Generator) -> int:
    del n_bytes, rng
    return 0


def _at_once(now_s: float, rng: Generator) -> float:
    del now_s, rng
    return 0.0


def _no_answer(data: bytes, rng: Generator) -> list[bytes]:
    del data, rng
    return []


async def _nothing(line: Line, rng: Generator) -> None:
    del line, rng


@dataclass(frozen=True, slots=True)
class Disguise:
    """What differs between evasions of a stream.

    Attributes
    ----------
    pad
        Padding in bytes for a frame of so many bytes.
    hold_s
        How long a message of the miner waits, from the time of the event loop; what is due together leaves
        together. Order is kept.
    miner_besides, pool_besides
        What an end sends of its own accord, side by side with the messages; nothing if they return at once.
    answer
        Dummies with which the pool's end answers a cover request.
    n_connections
        Over how many connections the frames are spread.
    """

    pad: Callable[[int, Generator], int] = _no_padding
    hold_s: Callable[[float, Generator], float] = _at_once
    miner_besides: Callable[[Line, Generator], Coroutine[Any, Any, None]] = _nothing
    pool_besides: Callable[[Line, Generator], Coroutine[Any, Any, None]] = _nothing
    answer: Callable[[bytes, Generator], list[bytes]] = _no_answer
    n_connections: int = 1


@dataclass(slots=True)
class Line:
    """One end of the disguised way between miner and pool: one connection or several."""

    peers: list[Peer]
    disguise: Disguise
    rng: Generator
    n_sent: int = 0
    n_delivered: int = 0
    early: dict[int, bytes] = field(default_factory=dict)

    async def send(self, kind: Kind, *pieces: bytes) -> None:
        """Send frames over one of the connections, in one go."""
        frames = b""
        for data in pieces:
            n_padding_bytes = self.disguise.pad(HEADER_BYTES + len(data), self.rng)
            frames += frame(kind, self.n_sent, data, n_padding_bytes, self.rng)
            self.n_sent += kind is Kind.DATA
        await self.peers[self.rng.integers(len(self.peers))].send(frames)

    async def exchange(self, actor: Peer, hold_s: Callable[[float, Generator], float]) -> None:
        """Carry the actor's messages out and the other end's in, until something breaks."""
        hearing = (self._hear(peer, actor) for peer in self.peers)
        await together(self._speak(actor, hold_s), *hearing)

    async def _speak(self, actor: Peer, hold_s: Callable[[float, Generator], float]) -> None:
        now_s = asyncio.get_running_loop().time
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def take() -> None:
            n_taken = 0
            while chunk := await actor.reader.read(CHUNK_BYTES):
                n_taken += 1
                held_s = hold_s(now_s(), self.rng) if n_taken > _FREE_CHUNKS else 0.0
                await waiting.put((now_s() + held_s, chunk))
            raise EOFError

        async def give() -> None:
            due_s, chunk = await waiting.get()
            while True:
                await asyncio.sleep(due_s - now_s())
                due = [chunk]
                due_s, chunk = 0.0, b""
                while not waiting.empty() and not chunk:
                    due_s, later = waiting.get_nowait()
                    if due_s > now_s():
                        chunk = later
                    else:
                        due.append(later)
                await self.send(Kind.DATA, *due)
                if not chunk:
                    due_s, chunk = await waiting.get()

        await together(take(), give())

    async def _hear(self, peer: Peer, actor: Peer) -> None:
        while True:
            heard = await read_frame(peer)
            if heard.kind is Kind.ASK:
                for data in self.disguise.answer(heard.data, self.rng):
                    await self.send(Kind.DUMMY, data)
            elif heard.kind is Kind.DATA:
                self.early[heard.number] = heard.data
                while self.n_delivered in self.early:
                    data = self.early.pop(self.n_delivered)
                    self.n_delivered += 1
                    await actor.send(data)


@dataclass(slots=True)
class _PoolEnd:
    """The helper before the pool: puts connections of one session together."""

    inner: Site
    disguise: Disguise
    rng: Generator
    sessions: dict[int, tuple[list[Peer], asyncio.Event]] = field(default_factory=dict)

    async def attend(self, peer: Peer) -> None:
        first = await read_frame(peer)
        session, n_connections = read_hello(first.data)
        peers, over = self.sessions.setdefault(session, ([], asyncio.Event()))
        peers.append(peer)
        if len(peers) < n_connections:
            await over.wait()
            return
        try:
            await self._exchange(Line(peers, self.disguise, self.rng))
        finally:
            del self.sessions[session]
            over.set()

    async def _exchange(self, line: Line) -> None:
        async with self.inner.connected() as pool:
            besides = self.disguise.pool_besides(line, self.rng)
            await together(line.exchange(pool, _at_once), besides)


@dataclass(frozen=True, slots=True)
class _Disguised:
    """An actor's parts with a helper at both ends."""

    actor: Actor
    disguise: Disguise

    async def serve(self, site: Site, rng: Generator) -> None:
        inner = replace(site.inside(), certificate=None)
        helper = _PoolEnd(inner, self.disguise, rng)
        await together(self.actor.serve(inner, rng), site.listen(helper.attend))

    async def visit(self, site: Site, rng: Generator) -> None:
        async with background() as start:

            async def dial(endpoint: tuple[str, int]) -> socket.socket:
                del endpoint
                async with AsyncExitStack() as connections:
                    line = await self._open(site, connections, rng)
                    away, miner = await local_pair()
                    start(self._converse(line, connections.pop_all(), miner))
                    return away

            await self.actor.visit(replace(site, certificate=None, dial=dial), rng)

    async def _open(self, site: Site, connections: AsyncExitStack, rng: Generator) -> Line:
        first = hello(int(rng.integers(2**63)), self.disguise.n_connections)
        peers = []
        for _ in range(self.disguise.n_connections):
            peers.append(await connections.enter_async_context(site.connected()))
            await Line([peers[-1]], self.disguise, rng).send(Kind.HELLO, first)
        return Line(peers, self.disguise, rng)

    async def _converse(self, line: Line, connections: AsyncExitStack, miner: Peer) -> None:
        async with connections:
            besides = self.disguise.miner_besides(line, line.rng)
            await until_gone(together(line.exchange(miner, self.disguise.hold_s), besides), miner)


def disguised(actor: Actor, disguise: Disguise) -> Actor:
    """Return the same actor with the two helpers between it and its carrier."""
    parts = _Disguised(actor, disguise)
    return replace(actor, serve=parts.serve, visit=parts.visit)


def suits_streams(actor: Actor) -> bool:
    """Whether a helper can stand in an actor's stream: not in that of a program."""
    return not (actor.requires or actor.over_udp)
