"""When shares are found: the process that hashing follows, without hashing."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.random import Generator


def share_gap_s(hashes_per_s: float, difficulty: float, rng: Generator) -> float:
    """Draw the time to the next share, in seconds.

    Each hash meets the target with probability 1/difficulty, independent of all others, so gaps are
    exponential with mean difficulty/hashes_per_s, and a change of job does not change what is left to wait.
    """
    return float(rng.exponential(difficulty / hashes_per_s))


def draw_start_ratio(is_steered: bool, rng: Generator) -> float:
    """Draw the difficulty at login, as a share of the one that suits the miner.

    Pools that adjust it often start low, which gives the burst of shares after a login that real miners show;
    where it is fixed, somebody has chosen it, mostly high to be left in peace.
    """
    return float(rng.choice([0.02, 0.1, 0.3, 1.0] if is_steered else [0.3, 1.0, 2.0, 4.0]))


async def happens_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, no longer than that; True if it happened. The event is cleared first."""
    event.clear()
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


@dataclass(frozen=True, slots=True)
class VardiffSettings:
    """How a pool steers its miners to one share rate.

    Others chose: nodejs-pool target 30 s, retarget 60 s, variance 20 %; node-cryptonote-pool 100 s, 30 s;
    NOMP 15 s, 90 s, 30 %; ckpool 3.33 s, 240 s (their default configurations).
    """

    target_s: float
    retarget_s: float
    variance_ratio: float
    start_difficulty: float
    least_difficulty: float = 1.0
    burst_shares: int = 72
    """Shares after which the pool does not wait for its timer; 72 in ckpool."""

    has_octaves: bool = False
    """Whether only powers of two are given out, as many pools do; small drifts then change nothing."""


@dataclass(slots=True)
class Vardiff:
    """Difficulty of one miner at one pool."""

    settings: VardiffSettings
    now_s: float
    difficulty: float = field(init=False)
    _n_shares: int = field(default=0, init=False)
    _since_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.difficulty = self.settings.start_difficulty
        self._since_s = self.now_s

    def count_share(self) -> None:
        """Note that the miner sent a share."""
        self._n_shares += 1

    def retarget(self, now_s: float) -> bool:
        """Adjust the difficulty if it is time to; True if it changed."""
        elapsed_s = now_s - self._since_s
        if elapsed_s < self.settings.retarget_s and self._n_shares < self.settings.burst_shares:
            return False
        mean_gap_s = max(elapsed_s, 0.001) / max(self._n_shares, 0.5)
        self._n_shares, self._since_s = 0, now_s
        ratio = self.settings.target_s / mean_gap_s
        if abs(ratio - 1.0) <= self.settings.variance_ratio:
            return False
        # Pools bound a single step, or a lucky minute would silence a miner for an hour.
        wanted = self.difficulty * min(max(ratio, 0.25), 8.0)
        if self.settings.has_octaves:
            wanted = 2.0 ** round(math.log2(wanted))
        changed = max(wanted, self.settings.least_difficulty)
        moved, self.difficulty = changed != self.difficulty, changed
        return moved
