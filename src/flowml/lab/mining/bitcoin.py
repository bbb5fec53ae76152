"""Bitcoin stratum v1: lottery devices, ASICs and rented hash rate at solo and public pools.

Messages follow cgminer (ckolivas/cgminer util.c), ckpool (ctubio/ckpool src/stratifier.c), the extensions
of slushpool/stratumprotocol stratum-extensions.mediawiki and NiceHash's extranonce subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.mining.identities import base58, hex_digits, worker
from flowml.lab.mining.stratum import Dialect, Drawn, Message, Stratum, Work, draw_pool

if TYPE_CHECKING:
    from numpy.random import Generator

_MASK = "1fffe000"  # bits that a miner may roll, as in the extension's example
_AGENTS = (
    "cgminer/4.9.0",
    "cgminer/4.12.1",
    "bmminer/2.0.0",
    "bosminer-plus-tuner 0.2.0",
    "bitaxe/BM1368/v2.4.1",
)
_AGENTS_OF_RENTALS = ("NiceHash/1.0.0", "MiningRigRentals", "cpuminer-multi/1.3.7", "sgminer/5.6.1")


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    requests: list[tuple[str, list[object]]] = []
    if drawn["rolls_version"]:
        bits = {"version-rolling.mask": _MASK, "version-rolling.min-bit-count": 2}
        requests.append(("mining.configure", [["version-rolling"], bits]))
    agents = _AGENTS_OF_RENTALS if drawn["kind"] == "rental" else _AGENTS
    requests.append(("mining.subscribe", [str(rng.choice(agents))]))
    if drawn["suggests"]:
        requests.append(("mining.suggest_difficulty", [1000]))
    requests.append(("mining.authorize", [drawn["user"], str(rng.choice(["x", "123", "d=1000"]))]))
    if drawn["extranonce_subscribe"]:
        requests.append(("mining.extranonce.subscribe", []))
    return [{"id": n, "method": method, "params": params} for n, (method, params) in enumerate(requests, 1)]


def answer(request: Message, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a request of the opening."""
    result: object = True
    if request["method"] == "mining.configure":
        result = {"version-rolling": True, "version-rolling.mask": _MASK}
    elif request["method"] == "mining.subscribe":
        name = hex_digits(int(drawn["subscription_digits"]), rng)
        kinds = [["mining.set_difficulty", name], ["mining.notify", name]]
        channels = kinds if drawn["lists_both"] else kinds[1:]
        result = [
            channels,
            hex_digits(int(drawn["extranonce1_digits"]), rng),
            int(drawn["extranonce2_bytes"]),
        ]
    return {"id": request["id"], "result": result, "error": None}


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
    job = {"id": None, "method": "mining.notify", "params": params}
    if not todo.is_new_difficulty:
        return [job]
    return [{"id": None, "method": "mining.set_difficulty", "params": [_rounded(todo.difficulty)]}, job]


def share(number: int, job: str, drawn: Drawn, rng: Generator) -> Message:
    """Build a share."""
    params = [drawn["user"], job, hex_digits(2 * int(drawn["extranonce2_bytes"]), rng)]
    params += [hex_digits(8, rng), hex_digits(8, rng)]
    if drawn["rolls_version"]:
        params.append(hex_digits(8, rng))
    return {"params": params, "id": number, "method": "mining.submit"}


def verdict(request: Message, is_accepted: bool, drawn: Drawn, rng: Generator) -> Message:
    """Build the answer to a share."""
    del drawn
    errors = ([21, "Job not found", None], [22, "Duplicate share", None], [23, "Low difficulty share", None])
    error = None if is_accepted else errors[rng.integers(len(errors))]
    return {"id": request["id"], "result": is_accepted or None, "error": error}


def heed(message: Message) -> tuple[str | None, float | None]:
    """Read the job's name or the difficulty out of a pool's message."""
    if message.get("method") == "mining.notify":
        return message["params"][0], None
    if message.get("method") == "mining.set_difficulty":
        return None, float(message["params"][0])
    return None, None


def _rounded(difficulty: float) -> float:
    return round(difficulty) if difficulty >= 1.0 else float(f"{difficulty:.3g}")


def _draw(rng: Generator) -> Parameters:
    kind = str(rng.choice(["lottery", "asic", "rental"]))
    targets_s = {"lottery": [3.33, 10.0, 30.0], "asic": [3.33, 10.0, 15.0, 20.0], "rental": [1.5, 3.33, 6.0]}[
        kind
    ]
    name = worker(rng)
    wallet = str(rng.choice(["bc1q" + hex_digits(38, rng), "1" + base58(33, rng), base58(8, rng)]))
    return {
        **draw_pool(rng, 600.0, [30.0, 30.0, 45.0, 55.0], targets_s),
        "kind": kind,
        "user": wallet + (f".{name}" if name else ""),
        "rolls_version": bool(rng.random() < (0.2 if kind == "rental" else 0.7)),
        "extranonce_subscribe": bool(rng.random() < (0.8 if kind == "rental" else 0.1)),
        "suggests": bool(rng.random() < 0.3),
        "lists_both": bool(rng.random() < 0.5),
        "subscription_digits": int(rng.choice([8, 16, 32])),
        "extranonce1_digits": int(rng.choice([8, 8, 16])),
        "extranonce2_bytes": int(rng.choice([4, 8, 8])),
        "job_id_digits": int(rng.choice([4, 8, 16, 20])),
        "coinbase1_digits": 2 * int(rng.integers(40, 90)),
        "coinbase2_digits": 2 * int(rng.integers(30, 160)),
        "merkle_branches": int(rng.choice([0, 1, 4, 9, 10, 11, 12, 13])),
    }


_STRATUM = Stratum(
    Dialect(
        opening,
        answer,
        work,
        share,
        verdict,
        heed,
        "mining.authorize",
        "mining.submit",
    )
)
_BITCOIN = Actor(
    "bitcoin",
    "bitcoin",
    _draw,
    _STRATUM.serve,
    _STRATUM.visit,
    ports=(3333, 3334, 25, 700, 8080),
    is_mining=True,
    clients=(1, 4),
)
ACTORS = (_BITCOIN, over_tls(_BITCOIN, (443, 3443, 20535)))
