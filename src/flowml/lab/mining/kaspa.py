"""Kaspa: stratum of a chain with a block a second, or ten, so jobs come faster than shares.

Messages follow onemorebsmith/kaspa-stratum-bridge src/kaspastratum (client_handler.go, mining_state.go): the
header hash as four 64-bit numbers and the time, or as one string of 80 digits for some miners.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flowml.lab.mining.conduct import draw_pool
from flowml.lab.mining.dialect import Dialect, Drawn, Heard, Message, Work, heed, numbered
from flowml.lab.mining.identities import hex_digits, worker
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_VERSION = "EthereumStratum/1.0.0"
_AGENTS = ("lolMiner 1.88", "BzMiner-v21.3.0", "SRBMiner-MULTI/2.4.7", "IceRiverMiner-v1.1", "GodMiner/2.0.0")


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    subscription = [str(rng.choice(_AGENTS)), *([_VERSION] if drawn["names_protocol"] else [])]
    return numbered([("mining.subscribe", subscription), ("mining.authorize", [drawn["user"], "x"])])


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a request of the opening."""
    del todo, rng
    is_subscription = request["method"] == "mining.subscribe"
    return _answer(request, [True, _VERSION] if is_subscription else True, drawn)


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a difficulty, where it changed, and a job."""
    number = int(rng.integers(1, 10 ** int(drawn["job_id_digits"])))
    if drawn["has_long_jobs"]:
        params: list[object] = [str(number), hex_digits(80, rng)]
    else:
        words = [int.from_bytes(rng.bytes(8), "little") for _ in range(4)]
        params = [str(number), words, int(time.time() * 1000)]
    job = {"jsonrpc": "2.0", "method": "mining.notify", "params": params, "id": number}
    if not todo.is_new_difficulty:
        return [job]
    difficulty = [float(f"{todo.difficulty:.6g}")]
    return [{"jsonrpc": "2.0", "method": "mining.set_difficulty", "params": difficulty}, job]


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share: job and nonce."""
    params = [drawn["user"], known.job, "0x" + hex_digits(16, rng)]
    return {"id": number, "method": "mining.submit", "params": params}


def verdict(request: Message, is_accepted: bool, drawn: Drawn, rng: Generator) -> Message:
    """Build the answer to a share."""
    if is_accepted:
        return _answer(request, True, drawn)
    error = (
        [20, "Unknown problem", None],
        [21, "Job not found", None],
        [22, "Duplicate share submitted", None],
    )
    return {**_answer(request, None, drawn), "error": error[rng.integers(len(error))]}


def _answer(request: Message, value: object, drawn: Drawn) -> Message:
    version = {"jsonrpc": "2.0"} if drawn["answers_version"] else {}
    return {"id": request["id"], **version, "result": value, "error": None}


def _draw(rng: Generator) -> Parameters:
    name = worker(rng)
    block_s = float(rng.choice([1.0, 1.0, 0.1]))
    pool = draw_pool(rng, max(block_s, 0.25), [0.0], [2.0, 3.0, 5.0, 15.0])
    return {
        **pool,
        # Bridges look for a template a few times a second, so ten blocks a second give no more than that.
        "doubled_ratio": 0.0,
        "user": "kaspa:q" + hex_digits(60, rng) + (f".{name}" if name else ""),
        "names_protocol": bool(rng.random() < 0.5),
        "answers_version": bool(rng.random() < 0.5),
        "has_long_jobs": bool(rng.random() < 0.4),
        "job_id_digits": int(rng.choice([1, 2, 3, 6])),
    }


_DIALECT = Dialect(opening, answer, work, share, verdict, heed, "mining.authorize", "mining.submit")
ACTORS = stratum_actors("kaspa", _draw, _DIALECT, (5555, 16110, 1206), (443, 15555))
