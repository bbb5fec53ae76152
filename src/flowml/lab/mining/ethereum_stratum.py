"""EthereumStratum/1.0.0 (NiceHash) and the Ravencoin-like dialect that grew out of it.

Messages follow nicehash/Specifications EthereumStratum_NiceHash_v1.0.0.txt; the Ravencoin-like jobs carry
target, height and bits besides, and its shares the header and mix hashes (xmrig/xmrig EthStratumClient.cpp).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.mining.conduct import draw_pool
from flowml.lab.mining.dialect import (
    Dialect,
    Drawn,
    Heard,
    Message,
    Work,
    heed,
    notice,
    numbered,
    pushed,
    result,
    verdict,
)
from flowml.lab.mining.identities import base58, hex_digits, worker
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_VERSION = "EthereumStratum/1.0.0"


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    agent = str(
        rng.choice(
            ["ethminer 0.17.1", "PhoenixMiner/5.6d", "NBMiner/40.1", "T-Rex/0.26.8", "nsfminer/1.3.14"]
        )
    )
    requests: list[tuple[str, list[object]]] = [
        ("mining.subscribe", [agent, _VERSION]),
        ("mining.authorize", [drawn["user"], "x"]),
    ]
    if drawn["extranonce_subscribe"]:
        requests.append(("mining.extranonce.subscribe", []))
    return numbered(requests)


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a request of the opening."""
    del todo
    if request["method"] != "mining.subscribe":
        return result(request, True)
    extranonce = hex_digits(int(drawn["extranonce_digits"]), rng)
    return result(request, [["mining.notify", hex_digits(32, rng), _VERSION], extranonce])


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a difficulty, where it changed, and a job."""
    params: list[object] = [
        hex_digits(int(drawn["job_id_digits"]), rng),
        hex_digits(64, rng),
        hex_digits(64, rng),
    ]
    if drawn["is_ravencoin"]:
        params += [hex_digits(64, rng), todo.is_new_block, int(drawn["height"]), hex_digits(8, rng)]
    else:
        params.append(todo.is_new_block)
    job = pushed("mining.notify", params)
    if not todo.is_new_difficulty:
        return [job]
    return [pushed("mining.set_difficulty", [float(f"{todo.difficulty:.6g}")]), job]


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share."""
    params = [drawn["user"], known.job]
    if drawn["is_ravencoin"]:
        params += ["0x" + hex_digits(n_digits, rng) for n_digits in (16, 64, 64)]
    else:
        params.append(hex_digits(16 - int(drawn["extranonce_digits"]), rng))
    return {"id": number, "method": "mining.submit", "params": params}


def _draw(rng: Generator, *, is_ravencoin: bool) -> Parameters:
    name = worker(rng)
    wallet = "R" + base58(33, rng) if is_ravencoin else "0x" + hex_digits(40, rng)
    return {
        **draw_pool(rng, 60.0 if is_ravencoin else 13.0, [0.0, 30.0, 60.0], [5.0, 10.0, 30.0, 60.0]),
        "is_ravencoin": is_ravencoin,
        "user": wallet + (f".{name}" if name else ""),
        "extranonce_subscribe": bool(rng.random() < 0.6),
        "extranonce_digits": int(rng.choice([4, 6])),
        "job_id_digits": int(rng.choice([4, 8, 10, 64])),
        "height": int(rng.integers(1_000_000, 4_000_000)),
    }


_DIALECT = Dialect(
    opening, answer, work, share, verdict, heed, "mining.authorize", "mining.submit", notice=notice
)
ACTORS = (
    *stratum_actors(
        "ethereum-stratum",
        partial(_draw, is_ravencoin=False),
        _DIALECT,
        (3353, 4444),
        (443, 33353),
        family="ethereum",
    ),
    *stratum_actors(
        "ravencoin", partial(_draw, is_ravencoin=True), _DIALECT, (6060, 3636, 8888), (443, 16060)
    ),
)
