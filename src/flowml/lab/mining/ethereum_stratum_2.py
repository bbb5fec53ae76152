"""EthereumStratum/2.0.0: fewer bytes, sessions, and signs of life before the server's timeout.

Messages follow AndreaLanfranchi/EthereumStratum-2.0.0 README.md: no ``jsonrpc`` member, numbers as
hexadecimal, results only where there is something to say. ethminer (EthStratumClient.cpp) gives its sign of
life 5 s before the timeout of 180 s.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.mining.conduct import draw_pool
from flowml.lab.mining.dialect import Dialect, Drawn, Heard, Message, Timer, Work
from flowml.lab.mining.identities import hex_digits, worker
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_LARGEST_TARGET = 2**256 - 1
_PROTOCOL = "EthereumStratum/2.0.0"
_TIMEOUT_S = 180
_AGENTS = ("ethminer-0.17", "ethminer-0.19.0", "nsfminer-1.3.14")
_NODES = ("Geth/v1.10.8-stable-26675454/linux-amd64/go1.16.4", "OpenEthereum/v3.3.0-rc.4", "Parity")


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    agent = str(rng.choice(_AGENTS))
    hello = {"agent": agent, "host": drawn["pool_name"], "port": f"{drawn['port']:x}", "proto": _PROTOCOL}
    return [
        {"id": 0, "method": "mining.hello", "params": hello},
        {"id": 1, "method": "mining.subscribe"},
        {"id": 2, "method": "mining.authorize", "params": [drawn["user"], "x"]},
    ]


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a request that is no share."""
    del todo
    if request["method"] == "mining.hello":
        said = {"proto": _PROTOCOL, "encoding": "plain", "resume": "0", "timeout": f"{_TIMEOUT_S:x}"}
        return {"id": request["id"], "result": {**said, "maxerrors": "5", "node": drawn["node"]}}
    if request["method"] == "mining.subscribe":
        return {"id": request["id"], "result": "s-" + hex_digits(int(drawn["session_digits"]), rng)}
    if request["method"] == "mining.authorize":
        return {"id": request["id"], "result": f"w-{rng.integers(1, 10_000)}"}
    return {"id": request["id"]}


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what changes seldom, where it changed, and a job."""
    params = [hex_digits(8, rng), f"{drawn['height']:x}", hex_digits(64, rng), str(int(todo.is_new_block))]
    job = {"method": "mining.notify", "params": params}
    if not todo.is_new_difficulty:
        return [job]
    target = min(int(_LARGEST_TARGET / max(todo.difficulty, 1.0)), _LARGEST_TARGET)
    seldom = {"epoch": "dc", "target": f"{target:058x}", "algo": "ethash", "extranonce": hex_digits(4, rng)}
    return [{"method": "mining.set", "params": seldom}, job]


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share: the job, the nonce without the pool's part, the worker's token."""
    del drawn
    return {"id": number, "method": "mining.submit", "params": [known.job, hex_digits(12, rng), known.name]}


def verdict(request: Message, is_accepted: bool, drawn: Drawn, rng: Generator) -> Message:
    """Build the answer to a share."""
    del drawn
    if is_accepted:
        return {"id": request["id"]}
    code, words = ((202, "Stale"), (406, "Bad nonce"))[rng.integers(2)]
    return {"id": request["id"], "error": {"code": code, "message": words}}


def heed(message: Message) -> Heard:
    """Read a job, a target, the worker's token, or that the pool wants signs of life."""
    said, params = message.get("result"), message.get("params")
    if message.get("method") == "mining.notify" and params:
        return Heard(job=params[0])
    if message.get("method") == "mining.set" and params:
        return Heard(difficulty=_LARGEST_TARGET / max(int(params["target"], 16), 1))
    if isinstance(said, dict):
        return Heard(keeps_alive="timeout" in said)
    return Heard(name=said) if isinstance(said, str) and said.startswith("w-") else Heard()


def keep_alive(number: int, known: Heard) -> Message:
    """Build a sign of life."""
    del known
    return {"id": number, "method": "mining.noop"}


def timers(drawn: Drawn) -> Sequence[Timer]:
    """List what a miner sends by the clock: its hash rate."""
    return [(drawn["hashrate_s"], partial(_hash_rate, drawn))] if drawn["hashrate_s"] else []


def _hash_rate(drawn: Drawn, number: int, rng: Generator) -> Message:
    rate = f"{int(drawn['hashes_per_s'] * 1e6 * rng.uniform(0.95, 1.05)):x}"
    return {"id": number, "method": "mining.hashrate", "params": [rate, drawn["token"]]}


def _draw(rng: Generator) -> Parameters:
    name = worker(rng)
    return {
        **draw_pool(rng, 13.0, [0.0, 0.0, 30.0], [10.0, 30.0, 60.0, 120.0]),
        "user": "0x" + hex_digits(40, rng) + (f".{name}" if name else ""),
        "pool_name": f"{hex_digits(int(rng.integers(3, 12)), rng)}.pool.example",
        "port": int(rng.integers(1025, 65_535)),
        "node": str(rng.choice(_NODES)),
        "session_digits": int(rng.choice([5, 8, 16])),
        "height": int(rng.integers(6_000_000, 15_000_000)),
        "hashrate_s": float(rng.choice([0.0, 60.0, 60.0])),
        "token": f"w-{rng.integers(1, 10_000)}",
    }


_DIALECT = Dialect(
    opening,
    answer,
    work,
    share,
    verdict,
    heed,
    "mining.authorize",
    "mining.submit",
    timers=timers,
    keep_alive=keep_alive,
    keep_alive_s=_TIMEOUT_S - 5.0,
)
ACTORS = stratum_actors("ethereum-stratum-2", _draw, _DIALECT, (4444, 9999), (443, 5555), family="ethereum")
