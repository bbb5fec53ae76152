"""Pools and miners that really speak with each other, over loopback."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowml.lab.mining import alephium, bitcoin_early, grin, qubic
from flowml.lab.mining import miner as miner_module
from flowml.lab.mining.bitcoin import ACTORS as BITCOIN_ACTORS
from flowml.lab.mining.bitcoin import BITCOIN
from flowml.lab.mining.cryptonote import CRYPTONOTE
from flowml.lab.mining.dialect import Dialect, Drawn, Work, pushed
from flowml.lab.mining.miner import Miner
from flowml.lab.mining.monero import draw_public
from flowml.lab.mining.pool import Pool
from flowml.lab.peer import Peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from types import ModuleType


@asynccontextmanager
async def _listening(attend: Callable[[Peer], Awaitable[None]]) -> AsyncIterator[int]:
    sessions: list[asyncio.Task[None]] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions.append(asyncio.create_task(_attend(attend, Peer(reader, writer))))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


async def _attend(attend: Callable[[Peer], Awaitable[None]], peer: Peer) -> None:
    try:
        await attend(peer)
    finally:
        peer.close()


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[Peer]:
    peer = Peer(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield peer
    finally:
        peer.close()


def _quick(drawn: Drawn, **others: Any) -> dict[str, Any]:
    """Parameters of a pool that answers at once and a miner that is never silent for long."""
    at_once = {"way_s": 0.0, "think_s": 0.0001, "warmup_s": 0.0, "refresh_s": 0.0, "block_s": 1e6}
    return {**drawn, **at_once, "start_difficulty": 1e5, "least_difficulty": 1e5, **others}


def _monero(**others: Any) -> dict[str, Any]:
    return _quick(draw_public(np.random.default_rng(1)), **others)


def _bitcoin(**others: Any) -> dict[str, Any]:
    return _quick(BITCOIN_ACTORS[0].draw(np.random.default_rng(1)), **others)


async def _heard_while_mining(dialect: Dialect, drawn: Drawn, n_lines: int) -> list[dict[str, Any]]:
    """What a miner says to a pool, line by line."""
    heard: list[dict[str, Any]] = []
    enough = asyncio.Event()
    pool = Pool(dialect, drawn, np.random.default_rng(2))

    class Listening(Peer):
        async def json_line(self) -> dict[str, Any]:
            heard.append(await super().json_line())
            if len(heard) >= n_lines:
                enough.set()
            return heard[-1]

    async def attend(peer: Peer) -> None:
        await pool.attend(Listening(peer.reader, peer.writer))

    async with _listening(attend) as port, _connected(port) as peer:
        mining = asyncio.create_task(Miner(dialect, peer, drawn, 2e7, np.random.default_rng(3), 0).mine())
        await enough.wait()
        mining.cancel()
        await asyncio.gather(mining, return_exceptions=True)
    return heard[:n_lines]


def test_a_monero_miner_logs_in_and_sends_numbered_shares_of_its_job() -> None:
    heard = asyncio.run(_heard_while_mining(CRYPTONOTE, _monero(), 6))
    assert [message["method"] for message in heard] == ["login", *["submit"] * 5]
    assert [message["id"] for message in heard] == [1, 2, 3, 4, 5, 6]
    assert len({message["params"]["id"] for message in heard[1:]}) == 1


def test_a_bitcoin_miner_opens_in_the_order_of_the_specification() -> None:
    drawn = _bitcoin(rolls_version=True, suggests=False, extranonce_subscribe=True)
    heard = asyncio.run(_heard_while_mining(BITCOIN, drawn, 6))
    assert [message["method"] for message in heard] == [
        "mining.configure",
        "mining.subscribe",
        "mining.authorize",
        "mining.extranonce.subscribe",
        "mining.submit",
        "mining.submit",
    ]


def test_a_miner_at_rest_hears_of_new_work_and_sends_no_share() -> None:
    drawn = _monero(turn_s=0.0, rest_s=1e9, keepalive=True)
    dialect = replace(CRYPTONOTE, keep_alive_s=0.05)  # so that it has something to say
    heard = asyncio.run(_heard_while_mining(dialect, drawn, 4))
    assert [message["method"] for message in heard] == ["login", *["keepalived"] * 3]


def test_a_miner_in_its_turn_sends_shares_at_once() -> None:
    heard = asyncio.run(_heard_while_mining(CRYPTONOTE, _monero(turn_s=1e9, rest_s=1.0), 4))
    assert [message["method"] for message in heard] == ["login", *["submit"] * 3]


def test_a_qubic_miner_subscribes_reports_without_an_answer_and_sends_results() -> None:
    drawn = _quick(qubic.ACTORS[0].draw(np.random.default_rng(1)), report_s=0.01)
    heard = asyncio.run(_heard_while_mining(qubic._DIALECT, drawn, 12))
    assert heard[0]["id"] == qubic.SUBSCRIBE
    assert {message["id"] for message in heard[1:]} == {qubic.SUBMIT, qubic.REPORT}


@pytest.mark.parametrize("family", [grin, alephium])
def test_a_miner_of_a_newer_family_opens_and_sends_shares(family: ModuleType) -> None:
    drawn = _quick(family.ACTORS[0].draw(np.random.default_rng(1)))
    heard = asyncio.run(_heard_while_mining(family._DIALECT, drawn, 6))
    n_asked = len(family.opening(drawn, np.random.default_rng(1)))
    assert {message["method"] for message in heard[n_asked:]} == {family._DIALECT.share_method}


async def _told(dialect: Dialect, drawn: Drawn, n_miners: int) -> list[dict[str, Any]]:
    """What each of some miners is told when a block is found."""
    pool = Pool(dialect, drawn, np.random.default_rng(4))
    async with _listening(pool.attend) as port, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(_connected(port)) for _ in range(n_miners)]
        for peer in peers:
            for request in dialect.opening(drawn, np.random.default_rng(5)):
                await peer.send_json(request)
                await peer.json_line()
        pool.drawn = {**drawn, "block_s": 1e-6}
        renewing = asyncio.create_task(pool.renew())
        told = [await peer.json_line() for peer in peers]
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
    return told


def test_new_work_reaches_all_miners_of_a_pool() -> None:
    told = asyncio.run(_told(CRYPTONOTE, _monero(), 3))
    assert [message["method"] for message in told] == ["job"] * 3


def test_a_pool_may_put_two_jobs_into_one_segment() -> None:
    drawn = _monero(doubled_ratio=1.0)

    async def first_read() -> bytes:
        pool = Pool(CRYPTONOTE, drawn, np.random.default_rng(4))
        async with _listening(pool.attend) as port, _connected(port) as peer:
            for request in CRYPTONOTE.opening(drawn, np.random.default_rng(5)):
                await peer.send_json(request)
            await peer.line()
            ((miner, vardiff),) = pool.miners.items()
            pool._push(miner, Work(vardiff.difficulty, False, True))
            return await peer.reader.read(65536)

    assert asyncio.run(first_read()).count(b'"method":"job"') == 2


def test_a_miner_that_is_sent_away_breaks_the_connection() -> None:
    drawn = _bitcoin(rolls_version=False, suggests=False, extranonce_subscribe=False)

    async def mine() -> None:
        pool = Pool(BITCOIN, drawn, np.random.default_rng(2))

        async def attend(peer: Peer) -> None:
            speaking = asyncio.create_task(pool.attend(peer))
            while not pool.miners:
                await asyncio.sleep(0.01)
            await peer.send_json(pushed("client.reconnect", ["", 0, 1]))
            await speaking

        async with _listening(attend) as port, _connected(port) as peer:
            await Miner(BITCOIN, peer, drawn, 1.0, np.random.default_rng(3), 0).mine()

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(mine())
    assert raised.group_contains(ConnectionAbortedError)


def test_a_miner_gives_up_a_pool_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(miner_module, "ANSWER_S", 0.05)

    async def mine() -> None:
        async def attend(peer: Peer) -> None:
            await peer.reader.read()

        async with _listening(attend) as port, _connected(port) as peer:
            await Miner(CRYPTONOTE, peer, _monero(), 1.0, np.random.default_rng(3), 0).mine()

    with pytest.raises(TimeoutError):
        asyncio.run(mine())


def test_small_writes_are_delayed_where_that_was_drawn() -> None:
    async def options() -> list[int]:
        found = []
        for delays in (False, True):
            pool = Pool(CRYPTONOTE, _monero(pool_delays=delays), np.random.default_rng(2))
            at_pool: list[Peer] = []

            async def attend(peer: Peer, pool: Pool = pool, at_pool: list[Peer] = at_pool) -> None:
                at_pool.append(peer)
                await pool.attend(peer)

            async with _listening(attend) as port, _connected(port) as peer:
                await peer.send_json({"id": 1, "method": "login"})
                await peer.line()
                link: socket.socket = at_pool[0].writer.get_extra_info("socket")
                found.append(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return found

    assert asyncio.run(options()) == [1, 0]


@pytest.mark.parametrize(("dialect", "drawn"), [(CRYPTONOTE, _monero()), (BITCOIN, _bitcoin())])
def test_a_refused_login_is_answered_with_an_error_and_the_end(
    dialect: Dialect, drawn: dict[str, Any]
) -> None:
    async def last_words() -> bytes:
        pool = Pool(dialect, {**drawn, "refused_ratio": 1.0}, np.random.default_rng(4))
        async with _listening(pool.attend) as port, _connected(port) as peer:
            for request in dialect.opening(drawn, np.random.default_rng(5)):
                if request["method"] == dialect.login_method:
                    break
                await peer.send_json(request)
                await peer.line()
            await peer.send_json(request)
            return await peer.reader.read()

    words = asyncio.run(last_words())
    assert words.count(b"\n") == 1
    assert json.loads(words)["error"]


def test_a_pool_may_give_out_work_before_the_login() -> None:
    drawn = _bitcoin(works_at_once=True, rolls_version=False)

    async def told() -> list[dict[str, Any]]:
        pool = Pool(BITCOIN, drawn, np.random.default_rng(4))
        async with _listening(pool.attend) as port, _connected(port) as peer:
            await peer.send_json(BITCOIN.opening(drawn, np.random.default_rng(5))[0])
            return [await peer.json_line() for _ in range(3)]

    assert [message.get("method") for message in asyncio.run(told())] == [
        None,
        "mining.set_difficulty",
        "mining.notify",
    ]


def test_a_miner_of_2013_answers_the_pool_s_question_and_goes_on() -> None:
    drawn = _quick(
        bitcoin_early.ACTORS[0].draw(np.random.default_rng(1)),
        asks_version=True,
        agent="cgminer",
        refused_ratio=0.0,
        transactions_s=0.0,
    )
    heard = asyncio.run(_heard_while_mining(bitcoin_early._EARLY, drawn, 6))
    assert [message["result"] for message in heard if "result" in message] == ["cgminer"]
    assert "mining.submit" in {message.get("method") for message in heard}


def test_signs_of_life_may_come_unasked() -> None:
    drawn = _monero(turn_s=0.0, rest_s=1e9, keepalive=False, lives_unasked=True)
    dialect = replace(CRYPTONOTE, keep_alive_s=0.05)
    heard = asyncio.run(_heard_while_mining(dialect, drawn, 3))
    assert [message["method"] for message in heard] == ["login", "keepalived", "keepalived"]
