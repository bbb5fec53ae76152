"""Nodes of a cryptocurrency that do not mine: what two peers tell each other, whatever the chain.

Transactions are announced in a trickle (or sent unasked), those that are news are asked for and delivered;
blocks are announced or pushed; peers ping, and tell of their state or of other peers. A ``Form`` says how a
chain writes messages; the parameters of ``draw_node`` say how much there is to tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from flowml.lab.benign.sizes import LARGEST_BYTES, log_uniform
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

Drawn = Mapping[str, Any]
_MOST_ENTRIES = 70


class Kind(IntEnum):
    """What a message is, whatever the chain calls it."""

    HELLO = 1
    WELCOME = 2
    PING = 3
    PONG = 4
    INVENTORY = 5
    REQUEST = 6
    TRANSACTION = 7
    BLOCK_NEWS = 8
    BLOCK_REQUEST = 9
    BLOCK = 10
    SYNC = 11
    SYNCED = 12
    ADDRESSES = 13


@dataclass(frozen=True, slots=True)
class Form:
    """How nodes of a chain write: packing, reading, and bytes of what has a constant size.

    Attributes
    ----------
    pack, read
        A message from its kind and body, and back.
    entry_bytes
        One transaction in an announcement; 0 if transactions are sent without.
    news_bytes, block_request_bytes, address_bytes
        A block's announcement, the request for a block, the address of one peer.
    ping_bytes, pong_bytes
    greet
        What passes before the first message, given the connection, the parameters, a generator and whether
        this side is the client.
    """

    pack: Callable[[Kind, bytes], bytes]
    read: Callable[[Peer], Awaitable[tuple[Kind, bytes]]]
    entry_bytes: int
    news_bytes: int
    block_request_bytes: int
    address_bytes: int
    ping_bytes: int
    pong_bytes: int
    greet: Callable[[Peer, Drawn, Generator, bool], Awaitable[None]] | None = None


def draw_node(rng: Generator, pings_s: tuple[float, ...], block_s: float, block_bytes: int) -> dict[str, Any]:
    """Draw what nodes of all chains differ in.

    ``transactions_s`` is the mean time between transactions of the whole network, ``trickle_s`` that between
    announcements, ``news_ratio`` the share of what a peer announces that its peer had not heard.
    """
    return {
        "ping_s": float(rng.choice(pings_s)),
        "transactions_s": round(log_uniform(rng, 0.15, 20.0), 3),
        "trickle_s": float(rng.choice([2.0, 5.0])),
        "relays": bool(rng.random() < 0.8),
        "news_ratio": float(rng.choice([0.05, 0.12, 0.3, 0.8])),
        "transaction_bytes": int(rng.choice([190, 226, 250, 370, 600])),
        "block_s": block_s,
        "block_bytes": int(block_bytes * rng.uniform(0.3, 1.0)),
        "unasked_ratio": float(rng.choice([0.0, 0.3, 1.0])),
        "address_s": float(rng.choice([0.0, 30.0, 60.0])),
        "sync_s": 0.0,
        "hello_bytes": int(rng.integers(86, 140)),
        "synced_bytes": 0,
        "sync_bytes": 0,
    }


@dataclass(frozen=True, slots=True)
class _Node:
    peer: Peer
    form: Form
    drawn: Drawn
    rng: Generator

    async def gossip(self, *, is_client: bool) -> None:
        """Tell and be told until the connection breaks."""
        if self.form.greet:
            await self.form.greet(self.peer, self.drawn, self.rng, is_client)
        if is_client:
            await self._say(Kind.HELLO, self.drawn["hello_bytes"])
        parts = [self._listen(), self._find_blocks(), self._ping(), self._tell_of_peers()]
        if self.drawn["relays"]:
            parts.append(self._trickle())
        if self.drawn["sync_s"] and is_client:
            parts.append(self._sync())
        await together(*parts)

    async def _listen(self) -> None:
        while True:
            kind, body = await self.form.read(self.peer)
            await self._heed(kind, len(body))

    async def _heed(self, kind: Kind, n_bytes: int) -> None:
        form, drawn = self.form, self.drawn
        replies = {
            Kind.HELLO: (Kind.WELCOME, drawn["hello_bytes"]),
            Kind.PING: (Kind.PONG, form.pong_bytes),
            Kind.SYNC: (Kind.SYNCED, drawn["synced_bytes"]),
        }
        if kind in replies:
            await self._say(*replies[kind])
        elif kind == Kind.INVENTORY:
            n_news = int(self.rng.binomial(n_bytes // form.entry_bytes, drawn["news_ratio"]))
            if n_news:
                await self._say(Kind.REQUEST, 1 + form.entry_bytes * n_news)
        elif kind == Kind.REQUEST:
            await self._deliver(n_bytes // form.entry_bytes)
        elif kind == Kind.BLOCK_NEWS and self.rng.random() < drawn["news_ratio"]:
            await self._say(Kind.BLOCK_REQUEST, form.block_request_bytes)
        elif kind == Kind.BLOCK_REQUEST:
            await self._send_block()

    async def _trickle(self) -> None:
        drawn, form, rng = self.drawn, self.form, self.rng
        while True:
            waited_s = float(rng.exponential(drawn["trickle_s"]))
            await asyncio.sleep(waited_s)
            # Half of what there is to tell was heard from this very peer.
            n_entries = min(int(rng.poisson(waited_s / drawn["transactions_s"] / 2)), _MOST_ENTRIES)
            if n_entries and form.entry_bytes:
                await self._say(Kind.INVENTORY, 1 + form.entry_bytes * n_entries)
            elif n_entries:
                await self._deliver(min(n_entries, 5))

    async def _deliver(self, n_transactions: int) -> None:
        for _ in range(n_transactions):
            n_bytes = int(self.drawn["transaction_bytes"] * self.rng.lognormal(0.0, 0.5))
            await self._say(Kind.TRANSACTION, min(n_bytes, LARGEST_BYTES))

    async def _find_blocks(self) -> None:
        while True:
            await asyncio.sleep(self.rng.exponential(2 * self.drawn["block_s"]))
            if self.rng.random() < self.drawn["unasked_ratio"]:
                await self._send_block()
            else:
                await self._say(Kind.BLOCK_NEWS, self.form.news_bytes)

    async def _send_block(self) -> None:
        await self._say(Kind.BLOCK, int(self.drawn["block_bytes"] * self.rng.uniform(0.2, 1.0)))

    async def _ping(self) -> None:
        while self.drawn["ping_s"]:
            await self._say(Kind.PING, self.form.ping_bytes)
            await asyncio.sleep(self.drawn["ping_s"])

    async def _tell_of_peers(self) -> None:
        while self.drawn["address_s"]:
            await asyncio.sleep(self.rng.exponential(self.drawn["address_s"]))
            await self._say(Kind.ADDRESSES, 1 + self.form.address_bytes * int(self.rng.geometric(0.6)))

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(self.drawn["sync_s"])
            await self._say(Kind.SYNC, self.drawn["sync_bytes"])

    async def _say(self, kind: Kind, n_bytes: int) -> None:
        await self.peer.send(self.form.pack(kind, self.rng.bytes(n_bytes)))


async def serve_node(form: Form, site: Site, rng: Generator) -> None:
    """Be the node that others connect to."""

    async def attend(peer: Peer) -> None:
        await _Node(peer, form, site.parameters, rng).gossip(is_client=False)

    await site.listen(attend)


async def visit_node(form: Form, site: Site, rng: Generator) -> None:
    """Be the node that connects."""
    async with site.connected() as peer:
        await _Node(peer, form, site.parameters, rng).gossip(is_client=True)
