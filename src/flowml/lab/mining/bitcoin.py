"""Bitcoin stratum v1: lottery devices, ASICs and rented hash rate at solo and public pools.

Messages follow cgminer (ckolivas/cgminer util.c), ckpool (ctubio/ckpool src/stratifier.c), the extensions
of slushpool/stratumprotocol stratum-extensions.mediawiki and NiceHash's extranonce subscription.
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

_MASK = "1fffe000"  # bits that a miner may roll, as in the extension's example
_AGENTS = {
    "lottery": ("bitaxe/BM1366/v2.0.5", "bitaxe/BM1368/v2.4.1", "NerdMinerV2/1.6.3", "cgminer/4.9.0"),
    "asic": (
        "cgminer/4.9.0",
        "cgminer/4.12.1",
        "bmminer/2.0.0",
        "bosminer-plus-tuner 0.2.0",
        "whatsminer/v1.1",
    ),
    "rental": ("NiceHash/1.0.0", "MiningRigRentals", "cpuminer-multi/1.3.7", "sgminer/5.6.1"),
}


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    requests: list[tuple[str, list[object]]] = []
    if drawn["rolls_version"]:
        bits = {"version-rolling.mask": _MASK, "version-rolling.min-bit-count": 2}
        requests.append(("mining.configure", [["version-rolling"], bits]))
    requests.append(("mining.subscribe", [str(rng.choice(_AGENTS[drawn["kind"]]))]))
    if drawn["suggests"]:
        requests.append(("mining.suggest_difficulty", [1000]))
    requests.append(("mining.authorize", [drawn["user"], str(rng.choice(["x", "123", "d=1000"]))]))
    if drawn["extranonce_subscribe"]:
        requests.append(("mining.extranonce.subscribe", []))
    return numbered(requests)


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a request of the opening."""
    del todo
    if request["method"] == "mining.configure":
        return result(request, {"version-rolling": True, "version-rolling.mask": _MASK})
    if request["method"] != "mining.subscribe":
        return result(request, True)
    name = hex_digits(int(drawn["subscription_digits"]), rng)
    kinds = [["mining.set_difficulty", name], ["mining.notify", name]]
    channels = kinds if drawn["lists_both"] else kinds[1:]
    extranonce1 = hex_digits(int(drawn["extranonce1_digits"]), rng)
    return result(request, [channels, extranonce1, int(drawn["extranonce2_bytes"])])


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a difficulty, where it changed, and a job."""
    # A block just found has few transactions to confirm, so its first job has a short merkle branch.
    n_deep = int(drawn["merkle_branches"])
    n_branches = int(rng.choice([0, 1, n_deep])) if todo.is_new_block else n_deep
    coinbase = (int(drawn["coinbase1_digits"]), int(drawn["coinbase2_digits"]))
    params: list[object] = [
        hex_digits(int(drawn["job_id_digits"]), rng),
        hex_digits(64, rng),
        hex_digits(coinbase[0], rng),
        hex_digits(coinbase[1], rng),
        [hex_digits(64, rng) for _ in range(n_branches)],
        "20000000",
        hex_digits(8, rng),
        hex_digits(8, rng),
        todo.is_new_block,
    ]
    job = pushed("mining.notify", params)
    if not todo.is_new_difficulty:
        return [job]
    return [pushed("mining.set_difficulty", [_rounded(todo.difficulty)]), job]


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share."""
    params = [drawn["user"], known.job, hex_digits(2 * int(drawn["extranonce2_bytes"]), rng)]
    params += [hex_digits(8, rng), hex_digits(8, rng)]
    if drawn["rolls_version"]:
        params.append(hex_digits(8, rng))
    return {"params": params, "id": number, "method": "mining.submit"}


def _rounded(difficulty: float) -> float:
    return round(difficulty) if difficulty >= 1.0 else float(f"{difficulty:.3g}")


def _draw(rng: Generator, kind: str) -> Parameters:
    # ckpool's 3.33 s a share, NOMP's 15 s; pools let a lottery device be, and a rental sells the work of a
    # farm over one connection.
    targets_s = {
        "lottery": [3.33, 10.0, 30.0, 60.0],
        "asic": [3.33, 6.0, 10.0, 15.0, 20.0],
        "rental": [0.3, 1.0, 1.5, 3.33, 6.0],
    }[kind]
    name = worker(rng)
    wallet = str(rng.choice(["bc1q" + hex_digits(38, rng), "1" + base58(33, rng), base58(8, rng)]))
    return {
        **draw_pool(rng, 600.0, [30.0, 30.0, 45.0, 55.0], targets_s),
        "kind": kind,
        "user": wallet + (f".{name}" if name else ""),
        "rolls_version": bool(rng.random() < {"lottery": 0.8, "asic": 0.7, "rental": 0.2}[kind]),
        "extranonce_subscribe": bool(rng.random() < (0.8 if kind == "rental" else 0.1)),
        "suggests": bool(rng.random() < (0.7 if kind == "lottery" else 0.2)),
        "lists_both": bool(rng.random() < 0.5),
        "subscription_digits": int(rng.choice([8, 16, 32])),
        "extranonce1_digits": int(rng.choice([8, 8, 16])),
        "extranonce2_bytes": int(rng.choice([4, 8, 8])),
        "job_id_digits": int(rng.choice([4, 8, 16, 20])),
        "coinbase1_digits": 2 * int(rng.integers(40, 90)),
        "coinbase2_digits": 2 * int(rng.integers(30, 160)),
        "merkle_branches": int(rng.choice([0, 1, 4, 9, 10, 11, 12, 13])),
    }


BITCOIN = Dialect(
    opening, answer, work, share, verdict, heed, "mining.authorize", "mining.submit", notice=notice
)
_PORTS, _TLS_PORTS = (3333, 3334, 25, 700, 8080), (443, 3443, 20535)
ACTORS = (
    *stratum_actors("bitcoin", partial(_draw, kind="asic"), BITCOIN, _PORTS, _TLS_PORTS),
    *stratum_actors(
        "bitcoin-lottery", partial(_draw, kind="lottery"), BITCOIN, _PORTS, _TLS_PORTS, family="bitcoin"
    ),
    *stratum_actors(
        "bitcoin-rental", partial(_draw, kind="rental"), BITCOIN, _PORTS, _TLS_PORTS, family="bitcoin"
    ),
)
