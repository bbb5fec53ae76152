"""Qubic: work that changes seldom, results that are rare, and a report of the hash rate by the clock.

Messages follow hackerby888/qatum-protocol docs/how-to-interact-with-qatum.md: the kind of a message is its
id, a result holds nonce, seed and the computor it is for, and miners report every three minutes or more
often. In the idle phase of an epoch the seed is empty and nobody finds anything.
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

SUBSCRIBE, NEW_COMPUTOR, NEW_SEED, SUBMIT, REPORT, NEW_DIFFICULTY = range(1, 7)
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a subscription."""
    del rng
    return [{"id": SUBSCRIBE, "wallet": drawn["wallet"], "worker": drawn["worker"]}]


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message | None:
    """Build the answer to a subscription; a report has none."""
    del todo, drawn, rng
    return _answer(request, None) if request["id"] == SUBSCRIBE else None


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what changed: the difficulty, the computor, the seed."""
    said: list[Message] = []
    if todo.is_new_difficulty:
        said.append({"id": NEW_DIFFICULTY, "difficulty": float(f"{todo.difficulty:.4g}")})
    if todo.is_new_difficulty or rng.random() < drawn["moves_ratio"]:
        said.append({"id": NEW_COMPUTOR, "computorId": _identity(rng)})
    if todo.is_new_difficulty or todo.is_new_block or not said:
        said.append({"id": NEW_SEED, "seed": hex_digits(64, rng), "isEmpty": False})
    return said


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a result."""
    del number
    return {"id": SUBMIT, "nonce": hex_digits(64, rng), "seed": known.job, "computorId": drawn["wallet"]}


def verdict(request: Message, is_accepted: bool, drawn: Drawn, rng: Generator) -> Message:
    """Build the answer to a result."""
    del drawn, rng
    return _answer(request, None if is_accepted else "Invalid solution")


def heed(message: Message) -> Heard:
    """Read a seed or a difficulty."""
    if message["id"] == NEW_SEED:
        return Heard(job=str(message["seed"]))
    if message["id"] == NEW_DIFFICULTY:
        return Heard(difficulty=float(message["difficulty"]))
    return Heard()


def timers(drawn: Drawn) -> Sequence[Timer]:
    """List the reports of the hash rate."""
    return [(drawn["report_s"], partial(_report, drawn))]


def _report(drawn: Drawn, number: int, rng: Generator) -> Message:
    del number
    hashes_per_s = round(drawn["iterations_per_s"] * rng.uniform(0.97, 1.03))
    return {"id": REPORT, "computorId": drawn["wallet"], "hashrate": hashes_per_s}


def _answer(request: Message, error: str | None) -> Message:
    return {"id": request["id"], "result": error is None, "error": error}


def _identity(rng: Generator) -> str:
    return "".join(_CAPITALS[i] for i in rng.integers(0, len(_CAPITALS), 60))


def _kind(message: Message) -> str:
    return str(message["id"])


def _draw(rng: Generator) -> Parameters:
    pool = draw_pool(rng, float(rng.choice([90.0, 300.0])), [0.0, 60.0], [20.0, 60.0, 120.0, 240.0])
    return {
        **pool,
        "doubled_ratio": 0.0,
        "wallet": _identity(rng),
        "worker": worker(rng) or "default",
        "moves_ratio": float(rng.choice([0.0, 0.2, 1.0])),
        "report_s": float(rng.choice([10.0, 30.0, 60.0, 180.0, 180.0])),
        "iterations_per_s": round(float(rng.lognormal(6.0, 1.5))),
    }


_DIALECT = Dialect(
    opening,
    answer,
    work,
    share,
    verdict,
    heed,
    str(SUBSCRIBE),
    str(SUBMIT),
    timers=timers,
    kind=_kind,
)
ACTORS = stratum_actors("qubic", _draw, _DIALECT, (7777, 8088), (443, 8443))
