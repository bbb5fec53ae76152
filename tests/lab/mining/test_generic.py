"""Pool and miner speak with each other over a pair of sockets, faster than any real ones."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from flowml.lab.mining import generic
from flowml.lab.peer import Peer

_QUICK: dict[str, Any] = {
    "block_s": 0.2,
    "refresh_s": 0.0,
    "poll_s": 0.05,
    "target_s": 0.05,
    "vardiff": False,
    "hashes_per_s": 100.0,
    "start_difficulty": 5.0,
    "think_s": 0.001,
    "work_bytes": 700,
    "work_forms": 1,
    "work_spread_bytes": 0,
    "notice_bytes": 0,
    "share_bytes": 210,
    "share_spread_bytes": 0,
    "client_envelope_bytes": 0,
    "server_envelope_bytes": 0,
}


async def _ends() -> tuple[Peer, Peer]:
    ours, theirs = socket.socketpair()
    return Peer(*await asyncio.open_connection(sock=ours)), Peer(*await asyncio.open_connection(sock=theirs))


def _drawn(style: str) -> dict[str, Any]:
    return {**generic.draw(np.random.default_rng(5)), **_QUICK, "style": style}


def _shares_and_works(style: str, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[int]]:
    """Sizes of the shares and of the work messages of a second and a half."""
    kinds: dict[int, list[int]] = {}
    built = generic.message

    def counted(kind: int, *arguments: Any, **named: Any) -> bytes:
        data = built(kind, *arguments, **named)
        kinds.setdefault(kind, []).append(len(data))
        return data

    monkeypatch.setattr(generic, "message", counted)

    async def converse() -> None:
        rng = np.random.default_rng(7)
        drawn = _drawn(style)
        for_pool, for_miner = await _ends()
        pool = generic.Pool(drawn, rng)
        miner = generic.Miner(for_miner, drawn, drawn["hashes_per_s"], rng)
        with suppress(TimeoutError):
            async with asyncio.timeout(1.5), asyncio.TaskGroup() as group:
                group.create_task(pool.renew())
                group.create_task(pool.attend(for_pool))
                group.create_task(miner.mine())
        for_pool.close()
        for_miner.close()

    asyncio.run(converse())
    return kinds.get(generic.Kind.SHARE, []), kinds.get(generic.Kind.WORK, [])


@pytest.mark.parametrize("style", ["push", "poll", "status", "held", "turn"])
def test_work_comes_and_shares_of_constant_size_are_sent(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shares, works = _shares_and_works(style, monkeypatch)
    assert len(shares) >= 5
    assert set(shares) == {210}
    assert len(works) >= 2
    assert set(works) == {700}


@pytest.mark.parametrize("n_bytes", [5, 6, 40, 2600])
def test_a_message_has_the_size_that_was_asked_for(n_bytes: int) -> None:
    assert len(generic.message(generic.Kind.SHARE, n_bytes, np.random.default_rng(1))) == n_bytes


def test_no_two_pools_are_alike() -> None:
    rng = np.random.default_rng(3)
    drawn = [generic.draw(rng) for _ in range(200)]
    for name in ("work_bytes", "share_bytes", "verdict_bytes", "block_s", "target_s"):
        values = np.array([one[name] for one in drawn], float)
        assert np.quantile(values, 0.95) > 8 * np.quantile(values, 0.05), name
    assert {one["style"] for one in drawn} == {"push", "poll", "status", "held", "turn"}
