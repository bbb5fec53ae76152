"""Rooms: what one guest says, the others are told; the server pings, and people speak when they like."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.random import Generator

    from flowml.lab.peer import Peer


@dataclass(slots=True)
class Room:
    """Those who are in a room, as the server sees them."""

    guests: set[Peer] = field(default_factory=set)

    @contextmanager
    def joined(self, guest: Peer) -> Iterator[None]:
        """Let a guest be in the room for the time of the context."""
        self.guests.add(guest)
        try:
            yield
        finally:
            self.guests.discard(guest)

    def tell(self, words: bytes, but: Peer | None = None) -> None:
        """Send to all guests but one; those who have just gone do not hear it."""
        for guest in self.guests - {but}:
            guest.writer.write(words)


def draw_talk(rng: Generator) -> dict[str, float]:
    """Draw how often somebody speaks: every few seconds in a busy room, every ten minutes in a quiet one."""
    return {"says_every_s": round(log_uniform(rng, 8.0, 600.0), 1)}


async def talk(peer: Peer, mean_s: float, words: Callable[[], str], rng: Generator) -> None:
    """Say something at random times, for ever."""
    while True:
        await asyncio.sleep(rng.exponential(mean_s))
        await peer.send(words().encode())


async def repeat(peer: Peer, period_s: float, words: bytes) -> None:
    """Send the same by the clock, for ever."""
    while True:
        await asyncio.sleep(period_s)
        await peer.send(words)
