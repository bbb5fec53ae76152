"""Mining in a browser: Coinhive-like messages over WebSocket.

Messages follow x25/coinhive-stratum-mining-proxy and cazala/coin-hive-stratum (src/Miner.ts): the client
sends auth and submit, the pool authed, job and hash_accepted. Frames of the client are masked (RFC 6455 5.3).
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed, WebSocketException

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.mining.chain import next_work
from flowml.lab.mining.cryptonote import difficulty_of, target_of
from flowml.lab.mining.identities import base58, hex_digits
from flowml.lab.mining.shares import happens_within, share_gap_s
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from websockets.http11 import Request, Response

    from flowml.lab.site import Site

_BLOCK_S = 120.0
PATH = "/proxy"
"""Where the pool is, on a server that has pages too."""


def draw(rng: Generator) -> Parameters:
    """Draw what sites with such a script differ in."""
    return {
        "difficulty": float(rng.choice([256.0, 256.0, 1024.0, 5000.0])),
        "hashes_per_s": float(rng.lognormal(3.7, 0.6)),
        "throttle": float(rng.choice([0.0, 0.3, 0.5, 0.9])),
        "refresh_s": float(rng.choice([0.0, 30.0, 60.0, 120.0])),
        "blob_digits": int(rng.choice([152, 152, 154])),
        "job_id_digits": int(rng.choice([15, 20, 28])),
        "user": bool(rng.random() < 0.3),
        "ping_s": float(rng.choice([0.0, 20.0, 30.0])),
        "visit_s": float(rng.choice([60.0, 300.0, 1800.0])),
        "think_s": float(rng.uniform(0.001, 0.05)),
        "compresses": bool(rng.random() < 0.2),
    }


def typed(kind: str, **params: object) -> str:
    """Build a message."""
    return json.dumps({"type": kind, "params": params}, separators=(",", ":"))


def job(drawn: Mapping[str, Any], rng: Generator) -> str:
    """Build a job."""
    name = hex_digits(drawn["job_id_digits"], rng)
    return typed(
        "job", job_id=name, blob=hex_digits(drawn["blob_digits"], rng), target=target_of(drawn["difficulty"])
    )


def submit(job_id: str, rng: Generator) -> str:
    """Build a share."""
    return typed("submit", job_id=job_id, nonce=hex_digits(8, rng), result=hex_digits(64, rng))


@dataclass(slots=True)
class _Pool:
    drawn: Mapping[str, Any]
    rng: Generator
    miners: set[ServerConnection] = field(default_factory=set)

    async def renew(self) -> None:
        """Send new jobs to all miners, for ever."""
        while True:
            await next_work(_BLOCK_S, self.drawn["refresh_s"], self.rng)
            broadcast(self.miners, job(self.drawn, self.rng))

    async def attend(self, miner: ServerConnection) -> None:
        """Speak with one browser until it goes elsewhere."""
        with suppress(ConnectionClosed):
            await miner.recv()
            await miner.send(typed("authed", token="", hashes=0))
            await miner.send(job(self.drawn, self.rng))
            self.miners.add(miner)
            n_hashes = 0
            async for _ in miner:
                await asyncio.sleep(self.rng.exponential(self.drawn["think_s"]))
                n_hashes += int(self.drawn["difficulty"])
                await miner.send(typed("hash_accepted", hashes=n_hashes))
        self.miners.discard(miner)


@dataclass(slots=True)
class _Browser:
    pool: ClientConnection
    hashes_per_s: float
    rng: Generator
    job_id: str = ""
    difficulty: float = 0.0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Take jobs."""
        while True:
            message = json.loads(await self.pool.recv())
            if message["type"] == "job":
                self.job_id = message["params"]["job_id"]
                self.difficulty = difficulty_of(message["params"]["target"])
                self.news.set()

    async def mine(self) -> None:
        """Send shares, once there is a job."""
        await self.news.wait()
        while True:
            if not await happens_within(self.news, share_gap_s(self.hashes_per_s, self.difficulty, self.rng)):
                await self.pool.send(submit(self.job_id, self.rng))


async def serve_pool(site: Site, rng: Generator, page: str = "") -> None:
    """Be the pool, and at every path but its own a web server with one page."""
    pool, drawn = _Pool(site.parameters, rng), site.parameters

    def show_page(visitor: ServerConnection, request: Request) -> Response | None:
        if request.path == PATH:
            return None
        response = visitor.respond(HTTPStatus.OK, page)
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        return response

    async def listen() -> None:
        async with serve(
            pool.attend,
            sock=site.listening_socket(),
            ssl=site.server_tls(),
            ping_interval=drawn["ping_s"] or None,
            compression="deflate" if drawn["compresses"] else None,
            process_request=show_page,
        ) as server:
            await server.serve_forever()

    await together(pool.renew(), listen())


async def _visit(site: Site, rng: Generator) -> None:
    drawn, tls = site.parameters, site.client_tls()
    address = f"{'wss' if tls else 'ws'}://{site.server_name()}:{site.server[1]}{PATH}"
    hashes_per_s = drawn["hashes_per_s"] * (1.0 - drawn["throttle"]) * rng.lognormal(0.0, 0.4)
    who = {"type": "user", "user": base58(8, rng)} if drawn["user"] else {"type": "anonymous", "user": None}
    try:
        async with (
            asyncio.timeout(rng.exponential(drawn["visit_s"]) + 20.0),
            connect(address, sock=await site.connected_socket(), ssl=tls, ping_interval=None) as pool,
        ):
            await pool.send(typed("auth", site_key=base58(32, rng), **who, goal=0))
            browser = _Browser(pool, hashes_per_s, rng)
            await together(browser.listen(), browser.mine())
    except* WebSocketException as errors:
        raise ConnectionError(str(errors.exceptions[0])) from errors


_BROWSER = Actor(
    "browser-mining", "browser", draw, serve_pool, _visit, ports=(80, 8892), is_mining=True, clients=(1, 4)
)
ACTORS = (_BROWSER, over_tls(_BROWSER, (443, 8893)))
