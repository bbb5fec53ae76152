"""Pools that break down now and then: they refuse connections, or accept them and say nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


async def with_outages(site: Site, rng: Generator, serve: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Serve for ever, with the breakdowns that were drawn; connections do not survive one."""
    up_s = site.parameters["up_s"]
    while True:
        try:
            async with asyncio.timeout(rng.exponential(up_s) if up_s else None):
                await serve()
        except TimeoutError:
            await _break_down(site, rng)


async def _break_down(site: Site, rng: Generator) -> None:
    down_s = rng.exponential(site.parameters["down_s"])
    if not site.parameters["is_mute_when_down"]:
        await asyncio.sleep(down_s)  # nobody listens: connections are refused
        return
    try:
        async with asyncio.timeout(down_s):
            await site.listen(_say_nothing)
    except TimeoutError:
        return


async def _say_nothing(peer: Peer) -> None:
    """Accept and read, as a front does whose pool is dead."""
    while await peer.reader.read(4096):
        pass
