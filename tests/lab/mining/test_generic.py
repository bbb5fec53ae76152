"""Pool and miner speak with each other over a pair of sockets, faster than any real ones."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowml.lab.mining import generic
from flowml.lab.peer import Peer
from flowml.lab.simulation.clock import SimulatedLoop
from flowml.lab.simulation.network import SimulatedNetwork
from flowml.lab.simulation.site import SimulatedSite
from flowml.lab.wire import Link

if TYPE_CHECKING:
    from pathlib import Path

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


_STEERED = {
    **_QUICK,
    "vardiff": True,
    "target_s": 20.0,
    "retarget_s": 60.0,
    "burst_shares": 12,
    "start_difficulty": 40.0,  # a share in 0.4 s, a burst between any two pieces of work
    "block_s": 300.0,
    "poll_s": 20.0,
    "note_s": 0.0,
}
_CLIENT, _SERVER = "10.77.0.1", "10.77.0.2"


def _shares_of_the_second_hour(style: str, folder: Path) -> int:
    """Shares that a steered miner sends, in simulated time."""
    drawn = {**_drawn(style), **_STEERED}
    line = Link(0.01, 0.0, 0.0, 1e9)
    network = SimulatedNetwork({_CLIENT: line, _SERVER: line}, np.random.default_rng(1))
    at_pool, at_miner = (
        SimulatedSite("", address, (_SERVER, 4444), drawn, None, folder, network=network)
        for address in (_SERVER, _CLIENT)
    )
    pool = generic.Pool(drawn, np.random.default_rng(2))

    async def converse() -> None:
        tasks = [asyncio.create_task(part) for part in (at_pool.listen(pool.attend), pool.renew())]
        await asyncio.sleep(1.0)
        async with at_miner.connected() as peer:
            miner = generic.Miner(peer, drawn, drawn["hashes_per_s"], np.random.default_rng(3))
            with suppress(TimeoutError):
                async with asyncio.timeout(7200.0):
                    await miner.mine()
        for task in tasks:
            task.cancel()

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        runner.run(converse())
    tap = network.tap
    is_share = np.array(tap.is_up) & (np.array(tap.size_bytes) == drawn["share_bytes"])
    return int(np.count_nonzero(is_share & (np.array(tap.time_s) > 3600.0)))


@pytest.mark.parametrize("style", ["push", "poll", "status", "held", "turn"])
def test_a_miner_is_steered_to_the_target_however_it_hears_of_work(style: str, tmp_path: Path) -> None:
    """A pool that raised the difficulty with each burst of a miner it tells nothing would end at infinity."""
    wanted = 3600.0 / _STEERED["target_s"]
    assert 0.4 * wanted < _shares_of_the_second_hour(style, tmp_path) < 2.5 * wanted


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
