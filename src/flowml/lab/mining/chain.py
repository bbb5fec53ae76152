"""When a pool has new work: blocks of the network, and its own refresh timer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.random import Generator


async def next_work(block_s: float, refresh_s: float, rng: Generator) -> bool:
    """Sleep until the pool sends new work; True if a block was found, False if its refresh timer ran out.

    Blocks come as a Poisson process, so drawing the wait anew after each refresh changes nothing.

    Parameters
    ----------
    block_s
        Mean time between blocks of the network.
    refresh_s
        Time after which a pool renews its work without a block; 0 for never.
    """
    to_block_s = float(rng.exponential(block_s))
    is_block = refresh_s == 0 or to_block_s < refresh_s
    await asyncio.sleep(to_block_s if is_block else refresh_s)
    return is_block
