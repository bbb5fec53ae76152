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
    Timer,
    Work,
    heed,
    notice,
    numbered,
    pushed,
    result,
    verdict,
)
from flowml.lab.mining.ethereum import hash_rate
from flowml.lab.mining.identities import base58, hex_digits, worker
from flowml.lab.mining.manners import with_manners
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_VERSION = "EthereumStratum/1.0.0"
_AGENTS = {
    "late": ("ethminer 0.17.1", "PhoenixMiner/5.6d", "NBMiner/40.1", "T-Rex/0.26.8", "nsfminer/1.3.14"),
    "early": (
        "ethminer/0.11.0rc1",
        "ethminer 0.14.0",
        "EthereumMiner/1.0.0",
        "sgminer/5.5.5-gm",
        "bminer/8.0.0",
        "NiceHash/3.0.0.6",
        "PhoenixMiner/2.9e",
        "Claymore's Dual ETH 11.9",
    ),
}


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    requests: list[tuple[str, list[object]]] = [
        ("mining.subscribe", [str(rng.choice(_AGENTS[drawn["generation"]])), _VERSION]),
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


def timers(drawn: Drawn) -> Sequence[Timer]:
    """List what a miner sends by the clock."""
    return ((drawn["hashrate_s"], partial(hash_rate, drawn)),) if drawn["hashrate_s"] else ()


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
        "generation": "late",
        "hashrate_s": 0.0,
    }


def _draw_early(rng: Generator) -> Parameters:
    """Draw pools and rented hash rate of 2016 to 2019, to which ethminer told its hash rate as well."""
    drawn = {
        **_draw(rng, is_ravencoin=False),
        **draw_pool(rng, 14.0, [0.0, 0.0, 10.0, 30.0, 60.0], [3.0, 5.0, 10.0, 30.0, 60.0, 120.0]),
        "job_id_digits": int(rng.choice([4, 8, 10, 16, 64])),
        "works_at_once": bool(rng.random() < 0.3),
        "generation": "early",
        "hashrate_s": float(rng.choice([0.0, 0.0, 20.0, 60.0])),
        "pads_hashrate": bool(rng.random() < 0.7),
        "identity": hex_digits(64, rng),
        "sends_worker": False,
        "sends_version": False,
        "repeats_number": False,
    }
    return with_manners(drawn, rng)


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
    notice=notice,
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
        "ethereum-stratum-early", _draw_early, _DIALECT, (3353, 4444), (443, 33353), family="ethereum"
    ),
    *stratum_actors(
        "ravencoin", partial(_draw, is_ravencoin=True), _DIALECT, (6060, 3636, 8888), (443, 16060)
    ),
)
