"""HTTP that waits: CI runners that poll for work, Matrix-like sync, and wallets that refresh.

A CI runner asks for a job (GitLab's every 3 s, check_interval; a hosted one holds the request for up to 50
s), mostly hears that there is none (204 or 202), and when it has one, sends its log in pieces and its
result. A Matrix client's /sync (https://spec.matrix.org) is held for 30 s and answered at once when
something happens, then asked again with the new token. A Monero wallet asks /getheight or get_info every 20
to 90 s and fetches the blocks that are new (wallet2's refresh).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http_messages import request, response
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import SPREADS, log_uniform, size_of
from flowml.lab.rhythm import pause_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _common(rng: Generator) -> dict[str, Any]:
    return {
        "fields_bytes": int(log_uniform(rng, 60, 1200)),
        "answer_fields_bytes": int(log_uniform(rng, 20, 900)),
        "rhythm": str(rng.choice(["steady", "jittered"])),
        "news_spread": str(rng.choice(SPREADS[1:])),
        "answer_s": 0.0,
        "posts": 0.0,
        "post_bytes": 100,
        "post_spread": "lognormal",
    }


def draw_runner(rng: Generator) -> Parameters:
    """Draw a CI runner: asks, seldom gets work, and reports on it."""
    holds = bool(rng.random() < 0.5)
    return {
        **_common(rng),
        "period_s": 0.05 if holds else float(rng.choice([3.0, 3.0, 10.0, 15.0, 30.0])),
        "held_s": float(rng.choice([20.0, 50.0])) if holds else 0.0,
        "question_bytes": int(rng.choice([0, 300, 700, 1500])),
        "news_s": float(rng.choice([20.0, 60.0, 240.0])),
        "news_bytes": int(log_uniform(rng, 800, 15_000)),
        "nothing_bytes": int(rng.choice([0, 0, 2, 40])),
        "answer_s": float(rng.choice([2.0, 5.0, 20.0])),
        "posts": float(rng.choice([2.0, 8.0, 30.0])),
        "post_bytes": int(log_uniform(rng, 100, 4000)),
        "post_spread": str(rng.choice(SPREADS[2:])),
    }


def draw_sync(rng: Generator) -> Parameters:
    """Draw a Matrix-like client: always one question open, a receipt or a message of its own now and then."""
    return {
        **_common(rng),
        "period_s": 0.01,
        "held_s": float(rng.choice([30.0, 30.0, 20.0])),
        "question_bytes": 0,
        "news_s": round(log_uniform(rng, 3.0, 120.0), 1),
        "news_bytes": int(log_uniform(rng, 300, 3000)),
        "nothing_bytes": int(rng.integers(60, 160)),
        "answer_s": float(rng.choice([1.0, 4.0])),
        "posts": float(rng.choice([0.3, 1.0, 2.0])),
        "post_bytes": int(rng.integers(60, 400)),
    }


def draw_wallet(rng: Generator) -> Parameters:
    """Draw a wallet that asks a node of its chain whether there are new blocks, and fetches them."""
    return {
        **_common(rng),
        "period_s": float(rng.choice([10.0, 20.0, 20.0, 30.0, 60.0, 90.0])),
        "held_s": 0.0,
        "question_bytes": int(rng.choice([0, 46, 60, 90, 3200])),
        "news_s": float(rng.choice([60.0, 120.0, 120.0, 600.0])),
        "news_bytes": int(log_uniform(rng, 400, 30_000)),
        "nothing_bytes": int(rng.choice([70, 250, 900, 1400])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    fields = f"Server: {text_of(drawn['answer_fields_bytes'], 0, rng)}\r\n"

    async def attend(peer: Peer) -> None:
        to_news_s = float(rng.exponential(drawn["news_s"]))
        while True:
            head = await peer.reader.readuntil(b"\r\n\r\n")
            await peer.exactly(int(head.rpartition(b"Content-Length: ")[2]))
            await asyncio.sleep(rng.exponential(0.01))
            if head.startswith(b"PUT"):
                await peer.send(response(b"{}", fields, "202 Accepted"))
                continue
            held_s = min(to_news_s, drawn["held_s"])
            await asyncio.sleep(held_s)
            to_news_s -= held_s or drawn["period_s"]
            is_news = to_news_s <= 0
            to_news_s = float(rng.exponential(drawn["news_s"])) if is_news else to_news_s
            await peer.send(_told(drawn, fields, rng, is_news=is_news))

    await site.listen(attend)


def _told(drawn: Mapping[str, Any], fields: str, rng: Generator, *, is_news: bool) -> bytes:
    if not is_news:
        status = "200 OK" if drawn["nothing_bytes"] else "204 No Content"
        return response(bytes(drawn["nothing_bytes"]), fields, status)
    return response(rng.bytes(size_of(drawn["news_bytes"], drawn["news_spread"], rng)), fields, "201 Created")


async def _visit(site: Site, rng: Generator) -> None:
    drawn, host = site.parameters, site.server_name()
    fields = f"Authorization: Bearer {text_of(drawn['fields_bytes'], 0, rng)}\r\n"
    question = rng.bytes(drawn["question_bytes"])
    async with site.connected() as peer:
        while True:
            token = text_of(8, 0, rng)
            await peer.send(request("POST", host, f"/api/poll?since={token}", question, fields))
            head = await peer.reader.readuntil(b"\r\n\r\n")
            await peer.exactly(int(head.rpartition(b"Content-Length: ")[2]))
            if b"201" in head[:14]:
                await _report(peer, drawn, host, fields, rng)
            await asyncio.sleep(pause_s(drawn["period_s"], drawn["rhythm"], rng))


async def _report(peer: Peer, drawn: Mapping[str, Any], host: str, fields: str, rng: Generator) -> None:
    for number in range(int(rng.poisson(drawn["posts"]))):
        await asyncio.sleep(drawn["answer_s"] * rng.uniform(0.5, 1.5))
        body = rng.bytes(size_of(drawn["post_bytes"], drawn["post_spread"], rng))
        await peer.send(request("PUT", host, f"/api/jobs/{number}/trace", body, fields))
        await peer.http_body()


_RUNNER = Actor("ci-runner", "job-queue", draw_runner, _serve, _visit, ports=(80, 8080), clients=(2, 4))
_SYNC = Actor("matrix", "messenger", draw_sync, _serve, _visit, ports=(8008,), clients=(2, 5))
_WALLET = Actor(
    "wallet-refresh",
    "cryptocurrency-wallet",
    draw_wallet,
    _serve,
    _visit,
    ports=(18081, 18089),
    clients=(2, 4),
)
ACTORS = (
    _RUNNER,
    over_tls(_RUNNER, (443,)),
    over_tls(_SYNC, (443, 8448)),
    _WALLET,
    over_tls(_WALLET, (443, 18089)),
)
