"""Monero and its kin: CryptoNote stratum, a pool and XMRig-like miners, plain and in TLS.

Order and timers follow XMRig (xmrig/xmrig src/base/net/stratum/Client.cpp, Pool.h).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.mining.chain import next_work
from flowml.lab.mining.cryptonote import answer, difficulty_of, job, login, submit
from flowml.lab.mining.identities import hex_digits
from flowml.lab.mining.shares import Vardiff, VardiffSettings, draw_start_ratio, happens_within, share_gap_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_BLOCK_S = 120.0
_KEEPALIVE_S = 60.0  # kKeepAliveTimeout in XMRig's Pool.h; the timer starts anew with every message sent
_TCP_IDLE_S = 60
_ERRORS = (
    "Low difficulty share",
    "Block expired",
    "Duplicate share",
    "Invalid nonce; is miner not compatible",
)


def _draw(rng: Generator) -> Parameters:
    target_s = float(rng.choice([10.0, 15.0, 30.0, 30.0, 60.0, 100.0]))
    hashes_per_s = float(rng.lognormal(7.5, 1.0))
    is_steered = bool(rng.random() < 0.8)
    return {
        "blob_digits": int(rng.choice([152, 152, 152, 154, 150])),
        "height": int(rng.integers(1_500_000, 3_500_000)),
        "job_id_digits": int(rng.choice([10, 10, 10, 15, 16, 32])),
        "job_fields": str(rng.choice(["full", "no_next", "bare"], p=[0.6, 0.25, 0.15])),
        "client_id": str(rng.choice(["number", "uuid", "hex"], p=[0.5, 0.35, 0.15])),
        "jsonrpc": bool(rng.random() < 0.9),
        "submit_algo": bool(rng.random() < 0.25),
        "refresh_s": float(rng.choice([0.0, 30.0, 60.0, 120.0, 120.0, 120.0])),
        "target_s": target_s,
        "retarget_s": float(rng.choice([30.0, 60.0, 90.0])),
        "variance_ratio": float(rng.uniform(0.2, 0.5)),
        "vardiff": is_steered,
        "burst_shares": int(rng.choice([12, 12, 24, 72])),
        "has_octaves": bool(rng.random() < 0.7),
        "hashes_per_s": hashes_per_s,
        "start_difficulty": hashes_per_s * target_s * draw_start_ratio(is_steered, rng),
        "keepalive": bool(rng.random() < 0.3),
        "rejected_ratio": float(rng.choice([0.0, 0.0, 0.01, 0.05])),
        "think_s": float(rng.uniform(0.001, 0.03)),
        "session_s": float(rng.choice([900.0, 3600.0, 36000.0])),
    }


@dataclass(slots=True)
class _Session:
    peer: Peer
    client_id: str
    vardiff: Vardiff


@dataclass(slots=True)
class _Pool:
    parameters: Mapping[str, Any]
    rng: Generator
    sessions: dict[Peer, _Session] = field(default_factory=dict)

    async def work(self) -> None:
        """Broadcast new jobs for ever."""
        while True:
            await next_work(_BLOCK_S, self.parameters["refresh_s"], self.rng)
            for session in list(self.sessions.values()):
                await self._send_job(session)

    async def attend(self, peer: Peer) -> None:
        """Speak with one miner until it leaves."""
        request = await peer.json_line()
        session = _Session(peer, self._client_id(), Vardiff(self._vardiff(), time.monotonic()))
        await asyncio.sleep(self.rng.exponential(self.parameters["think_s"]))
        await peer.send_json(answer(request["id"], self._welcome(session)))
        self.sessions[peer] = session
        try:
            while True:
                await self._reply(session, await peer.json_line())
        finally:
            del self.sessions[peer]

    async def _reply(self, session: _Session, request: dict[str, Any]) -> None:
        await asyncio.sleep(self.rng.exponential(self.parameters["think_s"]))
        if request["method"] == "keepalived":
            await session.peer.send_json(answer(request["id"], {"status": "KEEPALIVED"}))
            return
        if self.rng.random() < self.parameters["rejected_ratio"]:
            error = {"code": -1, "message": str(self.rng.choice(_ERRORS))}
            await session.peer.send_json({"id": request["id"], "jsonrpc": "2.0", "error": error})
            return
        await session.peer.send_json(answer(request["id"], {"status": "OK"}))
        session.vardiff.count_share()
        if self.parameters["vardiff"] and session.vardiff.retarget(time.monotonic()):
            await self._send_job(session)

    async def _send_job(self, session: _Session) -> None:
        work = job(self.parameters, session.vardiff.difficulty, self.rng)
        await session.peer.push_json({"jsonrpc": "2.0", "method": "job", "params": work})

    def _welcome(self, session: _Session) -> dict[str, object]:
        work = job(self.parameters, session.vardiff.difficulty, self.rng)
        welcome: dict[str, object] = {"id": session.client_id, "job": work}
        if self.parameters["keepalive"]:
            welcome["extensions"] = ["algo", "nicehash", "connect", "tls", "keepalive"]
        return {**welcome, "status": "OK"}

    def _client_id(self) -> str:
        kind = self.parameters["client_id"]
        if kind == "number":
            return str(self.rng.integers(10_000, 100_000))
        digits = hex_digits(32, self.rng)
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return "-".join(parts) if kind == "uuid" else digits[:16]

    def _vardiff(self) -> VardiffSettings:
        drawn = self.parameters
        steering = (
            drawn["target_s"],
            drawn["retarget_s"],
            drawn["variance_ratio"],
            drawn["start_difficulty"],
        )
        return VardiffSettings(*steering, 100.0, drawn["burst_shares"], drawn["has_octaves"])


@dataclass(slots=True)
class _Miner:
    peer: Peer
    parameters: Mapping[str, Any]
    hashes_per_s: float
    rng: Generator
    client_id: str = ""
    job_id: str = ""
    difficulty: float = 1.0
    keeps_alive: bool = False
    last_sent_s: float = 0.0
    n_sent: int = 1
    new_work: asyncio.Event = field(default_factory=asyncio.Event)

    async def mine(self) -> None:
        """Log in and mine until the connection breaks."""
        self.peer.probe_when_idle(_TCP_IDLE_S)
        await self.peer.send_json(login(self.parameters, self.rng))
        welcome = (await self.peer.json_line())["result"]
        self.client_id, self.keeps_alive = welcome["id"], "keepalive" in welcome.get("extensions", ())
        self._take(welcome["job"])
        async with asyncio.TaskGroup() as group:
            for part in (self._listen(), self._submit(), self._keep_alive()):
                group.create_task(part)

    async def _listen(self) -> None:
        while True:
            message = await self.peer.json_line()
            if message.get("method") == "job":
                self._take(message["params"])

    async def _submit(self) -> None:
        while True:
            gap_s = share_gap_s(self.hashes_per_s, self.difficulty, self.rng)
            if await happens_within(self.new_work, gap_s):
                continue  # perhaps another difficulty; the wait has no memory, so it may start anew
            await self._send(submit(self.n_sent + 1, self.client_id, self.job_id, self.parameters, self.rng))

    async def _keep_alive(self) -> None:
        while self.keeps_alive:
            idle_s = time.monotonic() - self.last_sent_s
            if idle_s < _KEEPALIVE_S:
                await asyncio.sleep(_KEEPALIVE_S - idle_s)
                continue
            ping = {"id": self.client_id}
            await self._send(
                {"id": self.n_sent + 1, "jsonrpc": "2.0", "method": "keepalived", "params": ping}
            )

    async def _send(self, message: dict[str, object]) -> None:
        self.n_sent, self.last_sent_s = self.n_sent + 1, time.monotonic()
        await self.peer.send_json(message)

    def _take(self, work: dict[str, Any]) -> None:
        self.job_id, self.difficulty = work["job_id"], difficulty_of(work["target"])
        self.new_work.set()


async def _serve(site: Site, rng: Generator) -> None:
    pool = _Pool(site.parameters, rng)
    async with asyncio.TaskGroup() as group:
        group.create_task(pool.work())
        group.create_task(site.listen(pool.attend))


async def _visit(site: Site, rng: Generator) -> None:
    hashes_per_s = site.parameters["hashes_per_s"] * rng.lognormal(0.0, 0.5)
    async with (
        asyncio.timeout(rng.exponential(site.parameters["session_s"]) + 30.0),
        site.connected() as peer,
    ):
        await _Miner(peer, site.parameters, hashes_per_s, rng).mine()


_MONERO = Actor(
    "monero",
    "monero",
    _draw,
    _serve,
    _visit,
    ports=(3333, 4444, 5555, 7777, 8080, 80),
    is_mining=True,
    clients=(1, 4),
)
ACTORS = (_MONERO, over_tls(_MONERO, (443, 3334, 9000, 14433, 20128)))
