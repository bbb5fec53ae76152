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
    Timer,
    Work,
    notice,
    numbered,
    pushed,
    result,
    verdict,
)
from flowml.lab.mining.identities import base58, hex_digits, worker
from flowml.lab.mining.manners import with_manners
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_SOLUTION_DIGITS = {"zcash": (2694,), "small": (106, 202, 806)}
"""Solutions behind their length: 1,344 bytes for n=200, k=9; 52, 100 and 400 for 125,4, 144,5 and 192,7."""

_AGENTS = {
    "late": ("EWBF/0.3.4b", "zcash/1.0.0-rc1", "NiceHash/1.0.0", "miniZ/1.8y", "lolMiner 1.42"),
    "early": (
        "NiceHash/0.5c",
        "equihashminer",
        "nheqminer/0.3a",
        "EWBF's Zcash cuda miner. 0.3.4b",
        "Claymore v12.6",
        "optiminer/1.7.0",
        "optiminer-zcash/0.4.0",
        "silentarmy",
        "zogminer",
        "bminer/5.3.0",
        "zm/0.6.2",
    ),
}
_LARGEST_TARGET = 2**256 - 1


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    requests: list[tuple[str, list[object]]] = [
        ("mining.subscribe", _subscription(drawn, rng)),
        ("mining.authorize", [drawn["user"], "x"]),
    ]
    if drawn["extranonce_subscribe"]:
        requests.append(("mining.extranonce.subscribe", []))
    return numbered(requests)


def _subscription(drawn: Drawn, rng: Generator) -> list[object]:
    """Build the parameters in the order of what miners do, of the specification, or only the first."""
    agent, host = str(rng.choice(_AGENTS[drawn["generation"]])), drawn["pool_name"]
    orders: dict[str, list[object]] = {
        "usual": [agent, None, host, "3333"],
        "specified": [host, 3333, agent, None],
        "bare": [agent],
    }
    return orders[drawn["order"]]


def timers(drawn: Drawn) -> Sequence[Timer]:
    """List what a miner sends by the clock: a subscription again, so that the connection stays."""
    return ((drawn["resubscribe_s"], _subscribe_again),) if drawn["resubscribe_s"] else ()


def _subscribe_again(number: int, rng: Generator) -> Message:
    del rng
    return {"id": number, "method": "mining.extranonce.subscribe", "params": []}


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
        "generation": "late",
        "order": "usual",
        "resubscribe_s": 0.0,
    }


def _draw_early(rng: Generator) -> Parameters:
    """Draw a pool of 2016 to 2018: flypool, nanopool, NOMP and solo proxies, and GPUs, slow CPUs as well."""
    drawn = {
        **_draw(rng, form="zcash"),
        **draw_pool(
            rng,
            float(rng.choice([150.0, 150.0, 75.0])),
            [0.0, 0.0, 5.0, 10.0, 20.0, 30.0, 55.0],
            [3.0, 5.0, 10.0, 15.0, 30.0, 60.0],
        ),
        "nonce1_digits": int(rng.choice([8, 8, 10, 16, 24, 42])),
        "job_id_digits": int(rng.choice([1, 4, 8, 16, 20, 64])),
        "works_at_once": bool(rng.random() < 0.3),
        "generation": "early",
        "order": str(rng.choice(["usual", "usual", "specified", "bare"])),
        "resubscribe_s": float(rng.choice([0.0, 0.0, 30.0, 60.0, 120.0])),
    }
    return with_manners(drawn, rng)


_ZCASH = Dialect(
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
    *stratum_actors("zcash", partial(_draw, form="zcash"), _ZCASH, (3333, 3357, 6666), (443, 3443)),
    *stratum_actors(
        "zcash-early", _draw_early, _ZCASH, (3333, 2142, 3357, 6666, 1337), (443, 3443), family="zcash"
    ),
    *stratum_actors(
        "equihash-small", partial(_draw, form="small"), _ZCASH, (3333, 7777), (443, 3443), family="zcash"
    ),
)
