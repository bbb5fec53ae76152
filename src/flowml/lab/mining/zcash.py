"""Zcash and other Equihash coins: stratum whose shares carry a solution of 1,344 bytes.

Messages follow zcash/zips zip-0301.rst.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.mining import dialect
from flowml.lab.mining.conduct import draw_pool
from flowml.lab.mining.dialect import (
    Dialect,
    Drawn,
    Heard,
    Message,
    Work,
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

_SOLUTION_DIGITS = {"zcash": (2694,), "small": (106, 202, 806)}
"""Solutions behind their length: 1,344 bytes for n=200, k=9; 52, 100 and 400 for 125,4, 144,5 and 192,7."""

_LARGEST_TARGET = 2**256 - 1


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    agent = str(
        rng.choice(["EWBF/0.3.4b", "zcash/1.0.0-rc1", "NiceHash/1.0.0", "miniZ/1.8y", "lolMiner 1.42"])
    )
    requests: list[tuple[str, list[object]]] = [
        ("mining.subscribe", [agent, None, drawn["pool_name"], "3333"]),
        ("mining.authorize", [drawn["user"], "x"]),
    ]
    if drawn["extranonce_subscribe"]:
        requests.append(("mining.extranonce.subscribe", []))
    return numbered(requests)


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a request of the opening."""
    del todo
    is_subscription = request["method"] == "mining.subscribe"
    return result(request, [None, hex_digits(int(drawn["nonce1_digits"]), rng)] if is_subscription else True)


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a target, where it changed, and a job."""
    params: list[object] = [hex_digits(int(drawn["job_id_digits"]), rng), "04000000"]
    params += [hex_digits(64, rng) for _ in range(3)]
    params += [hex_digits(8, rng), hex_digits(8, rng), todo.is_new_block]
    job = pushed("mining.notify", params)
    if not todo.is_new_difficulty:
        return [job]
    target = min(int(_LARGEST_TARGET / max(todo.difficulty, 1.0)), _LARGEST_TARGET)
    return [pushed("mining.set_target", [f"{target:064x}"]), job]


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share with its solution."""
    nonce2 = hex_digits(64 - int(drawn["nonce1_digits"]), rng)
    solution = hex_digits(int(drawn["solution_digits"]), rng)
    params = [drawn["user"], known.job, hex_digits(8, rng), nonce2, solution]
    return {"id": number, "method": "mining.submit", "params": params}


def heed(message: Message) -> Heard:
    """Read a target as well as what all dialects say."""
    if message.get("method") == "mining.set_target":
        return Heard(difficulty=_LARGEST_TARGET / max(int(message["params"][0], 16), 1))
    return dialect.heed(message)


def _draw(rng: Generator, *, form: str) -> Parameters:
    name = worker(rng)
    return {
        **draw_pool(rng, float(rng.choice([75.0, 150.0])), [0.0, 20.0, 55.0], [8.0, 15.0, 30.0]),
        "user": "t1" + base58(33, rng) + (f".{name}" if name else ""),
        "pool_name": f"{base58(int(rng.integers(3, 12)), rng).lower()}.example",
        "extranonce_subscribe": bool(rng.random() < 0.5),
        "nonce1_digits": int(rng.choice([8, 8, 16])),
        "job_id_digits": int(rng.choice([4, 8, 16])),
        "solution_digits": int(rng.choice(_SOLUTION_DIGITS[form])),
    }


_ZCASH = Dialect(
    opening, answer, work, share, verdict, heed, "mining.authorize", "mining.submit", notice=notice
)
ACTORS = (
    *stratum_actors("zcash", partial(_draw, form="zcash"), _ZCASH, (3333, 3357, 6666), (443, 3443)),
    *stratum_actors(
        "equihash-small", partial(_draw, form="small"), _ZCASH, (3333, 7777), (443, 3443), family="zcash"
    ),
)
