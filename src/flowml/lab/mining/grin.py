"""Grin: stratum of the cuckoo cycles, whose shares are forty-two numbers.

Messages follow mimblewimble/grin doc/stratum.md; what a job's header holds follows its example there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.mining.conduct import draw_pool
from flowml.lab.mining.dialect import Dialect, Drawn, Heard, Message, Work
from flowml.lab.mining.identities import hex_digits, letters, worker
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_CYCLE = 42
_BLOCK_S = 60.0
_AGENTS = ("grin-miner", "lolMiner 1.31", "GrinGoldMiner 2.9", "bminer 16.4.3", "iPollo G1 mini")
_ERRORS = ((-32503, "Solution submitted too late"), (-32501, "Share rejected due to low difficulty"))


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a login and the question for the first job."""
    login = {"login": drawn["user"], "pass": "x", "agent": str(rng.choice(_AGENTS))}
    return [_request("0", "login", login), _request("1", "getjobtemplate", None)]


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a request that is no share."""
    is_job = request["method"] == "getjobtemplate"
    return _answer(request, {"result": _job(todo.difficulty, drawn, rng) if is_job else "ok"})


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a job, which holds its difficulty too."""
    return [_request("Stratum", "job", _job(todo.difficulty, drawn, rng))]


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share: the nonce and the edges of a cycle, in ascending order."""
    edges = sorted(int(edge) for edge in rng.integers(0, 2 ** int(drawn["edge_bits"]), _CYCLE))
    solution = {
        "edge_bits": int(drawn["edge_bits"]),
        "height": int(drawn["height"]),
        "job_id": int(known.job),
        "nonce": int.from_bytes(rng.bytes(8), "little"),
        "pow": edges,
    }
    return _request(str(number), "submit", solution)


def verdict(request: Message, is_accepted: bool, drawn: Drawn, rng: Generator) -> Message:
    """Build the answer to a share."""
    del drawn
    if is_accepted:
        return _answer(request, {"result": "ok"})
    code, text = _ERRORS[rng.integers(len(_ERRORS))]
    return _answer(request, {"error": {"code": code, "message": text}})


def heed(message: Message) -> Heard:
    """Read a job, pushed or asked for."""
    job = message.get("params") if message.get("method") == "job" else message.get("result")
    if isinstance(job, dict) and "pre_pow" in job:
        return Heard(job=str(job["job_id"]), difficulty=float(job["difficulty"]), keeps_alive=True)
    return Heard()


def keep_alive(number: int, known: Heard) -> Message:
    """Build a sign of life."""
    del known
    return _request(str(number), "keepalive", None)


def _job(difficulty: float, drawn: Drawn, rng: Generator) -> Message:
    return {
        "difficulty": max(1, round(difficulty)),
        "height": int(drawn["height"]),
        "job_id": int(rng.integers(0, 10 ** int(drawn["job_id_digits"]))),
        "pre_pow": hex_digits(int(drawn["header_digits"]), rng),
    }


def _request(name: str, method: str, params: object) -> Message:
    return {"id": name, "jsonrpc": "2.0", "method": method, "params": params}


def _answer(request: Message, outcome: Message) -> Message:
    error: Message = {} if "error" in outcome else {"error": None}
    return {"id": request["id"], "jsonrpc": "2.0", "method": request["method"], **outcome, **error}


def _draw(rng: Generator) -> Parameters:
    name = worker(rng)
    pool = draw_pool(rng, _BLOCK_S, [0.0, 0.0, 15.0, 30.0], [5.0, 10.0, 20.0, 60.0])
    # A difficulty is a whole number here: count hash rates so that it has some digits.
    scale = 1e4 / pool["hashes_per_s"]
    return {
        **pool,
        "hashes_per_s": 1e4,
        "start_difficulty": max(1.0, pool["start_difficulty"] * scale),
        "least_difficulty": 1.0,
        "user": letters(int(rng.choice([8, 16, 52])), rng) + (f".{name}" if name else ""),
        "edge_bits": int(rng.choice([29, 31, 32])),
        "height": int(rng.integers(13_000, 3_500_000)),
        "job_id_digits": int(rng.choice([1, 2, 4])),
        "header_digits": int(rng.choice([486, 486, 494])),
    }


_DIALECT = Dialect(
    opening, answer, work, share, verdict, heed, "login", "submit", keep_alive=keep_alive, keep_alive_s=30.0
)
ACTORS = stratum_actors("grin", _draw, _DIALECT, (3416, 13416, 3333), (443, 3417))
