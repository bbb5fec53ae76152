"""Alephium: sixteen chains at once, so that each push of work holds sixteen jobs and many kilobytes.

Messages follow alephium/mining-pool lib/stratum.js and lib/blockTemplate.js and the stratum page of
alephium/docs; steering as in that pool's configuration (a share in 15 s, steered every 90 s by 30 %).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.mining.conduct import draw_pool
from flowml.lab.mining.dialect import Dialect, Drawn, Heard, Message, Work, numbered, pushed, result
from flowml.lab.mining.identities import base58, hex_digits, worker
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_GROUPS = 4
_CHAIN_BLOCK_S = 64.0
_HEADER_DIGITS = 604  # 326 bytes without the nonce's 24
_AGENTS = (
    "lolMiner 1.88",
    "BzMiner-v21.3.0",
    "alephium-gpu-miner/1.2",
    "GoldShell-AL",
    "SRBMiner-MULTI/2.4.7",
)


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    hello = ("mining.hello", [str(rng.choice(_AGENTS)), "AlephiumStratum/1.0.0"])
    login = ("mining.authorize", [drawn["user"], "x"])
    return numbered([hello, ("mining.subscribe", []), login] if drawn["says_hello"] else [login])


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a request of the opening."""
    del todo, drawn
    named = {"mining.hello": ["AlephiumStratum/1.0.0", False, "b4", "5", "pool"]}
    return result(request, named.get(request["method"], hex_digits(8, rng)))


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a difficulty, where it changed, and the jobs of all chains or of the one that moved."""
    chains = [divmod(chain, _GROUPS) for chain in range(_GROUPS**2)]
    if not drawn["sends_all"]:
        chains = [chains[rng.integers(len(chains))]]
    job = pushed("mining.notify", [_job(*chain, drawn, rng) for chain in chains])
    if not todo.is_new_difficulty:
        return [job]
    return [pushed("mining.set_difficulty", [float(f"{todo.difficulty:.6g}")]), job]


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share: chain, job, nonce and worker."""
    from_group, to_group = (int(group) for group in rng.integers(0, _GROUPS, 2))
    params = {
        "jobId": known.job,
        "fromGroup": from_group,
        "toGroup": to_group,
        "nonce": hex_digits(48, rng),
        "worker": drawn["user"],
    }
    return {"id": number, "method": "mining.submit", "params": params}


def verdict(request: Message, is_accepted: bool, drawn: Drawn, rng: Generator) -> Message:
    """Build the answer to a share."""
    del drawn
    errors = ([21, "Job not found"], [22, "Duplicate share"], [23, "Low difficulty share"])
    error = None if is_accepted else errors[rng.integers(len(errors))]
    outcome = {"result": is_accepted, "error": error}
    return {"id": request["id"], "method": "mining.submit_result", **outcome}


def heed(message: Message) -> Heard:
    """Read a job or a difficulty."""
    method, params = message.get("method"), message.get("params")
    if method == "mining.notify" and params:
        return Heard(job=str(params[0]["jobId"]))
    if method == "mining.set_difficulty" and params:
        return Heard(difficulty=float(params[0]))
    return Heard()


def _job(from_group: int, to_group: int, drawn: Drawn, rng: Generator) -> Message:
    # The miner's reward is in all of them; few chains have transactions of others at a time.
    n_others = int(rng.poisson(float(drawn["transactions"])))
    return {
        "fromGroup": from_group,
        "toGroup": to_group,
        "jobId": str(rng.integers(1, 10 ** int(drawn["job_id_digits"]))),
        "headerBlob": hex_digits(_HEADER_DIGITS, rng),
        "txsBlob": hex_digits(int(drawn["reward_digits"]) + 600 * n_others, rng),
        "targetBlob": hex_digits(int(drawn["target_digits"]), rng),
    }


def _draw(rng: Generator) -> Parameters:
    name = worker(rng)
    sends_all = bool(rng.random() < 0.6)
    # The chains take turns, so that something moves every few seconds; a pool that sends all waits a little.
    pace_s = float(rng.choice([4.0, 6.0, 10.0])) if sends_all else _CHAIN_BLOCK_S / _GROUPS**2
    return {
        **draw_pool(rng, pace_s, [0.0], [5.0, 10.0, 15.0, 15.0]),
        "doubled_ratio": 0.0,
        "sends_all": sends_all,
        "says_hello": bool(rng.random() < 0.5),
        "user": "1" + base58(44, rng) + (f".{name}" if name else ""),
        "job_id_digits": int(rng.choice([4, 6, 8])),
        "target_digits": int(rng.choice([8, 60, 64])),
        "reward_digits": 2 * int(rng.integers(70, 240)),
        "transactions": float(rng.choice([0.02, 0.1, 0.3])),
    }


_DIALECT = Dialect(opening, answer, work, share, verdict, heed, "mining.authorize", "mining.submit")
ACTORS = stratum_actors("alephium", _draw, _DIALECT, (20032, 1199, 5555), (443, 20033))
