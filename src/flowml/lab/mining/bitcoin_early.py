"""Stratum v1 of 2012 to 2016: Bitcoin, the scrypt coins, pools that switch coins, and P2Pool.

Nothing is configured and no version rolled. Miners name themselves or do not, and may ask to go on with an
earlier session; pools give out work at the subscription already, or only after the login. cgminer and
bfgminer ask for the transactions of a job (mining.get_transactions) and count their requests; cpuminer sends
every share with the id 4 (pooler/cpuminer util.c, cpu-miner.c; ckolivas/cgminer util.c; slushpool's
description of stratum). P2Pool pays all its miners in every coinbase, so its jobs are long, and it has a
share chain of its own with a block every 30 s (p2pool/p2pool p2pool/bitcoin/stratum.py, networks.py).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from flowml.lab.mining import bitcoin
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
from flowml.lab.mining.identities import base58, hex_digits, letters, worker
from flowml.lab.mining.manners import with_manners
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_AGENTS = {
    "public": (
        "cgminer/2.11.4",
        "cgminer/3.1.1",
        "cgminer/3.12.3",
        "cgminer/4.3.5",
        "bfgminer/3.10.0",
        "bfgminer/5.1.0",
        "cpuminer/2.3.2",
        "phoenix/2.0.0",
        "stratum-proxy/1.5.2",
        "Ufasoft",
    ),
    "scrypt": (
        "cgminer/3.7.2",
        "cgminer/3.7.3-kalroth",
        "sgminer/4.1.0",
        "sgminer/5.0.0",
        "cpuminer/2.3.3",
        "cpuminer/2.5.0",
        "cudaminer/2013-12-18",
        "ccminer/1.7.5",
        "vertminer/0.5.4",
    ),
}
_AGENTS["switching"], _AGENTS["p2pool"], _AGENTS["solo"] = (
    _AGENTS["scrypt"],
    _AGENTS["public"],
    _AGENTS["public"],
)
_BLOCKS_S = {
    "public": (600.0,),
    "solo": (600.0,),
    "p2pool": (1.0 / (1.0 / 600.0 + 1.0 / 30.0),),
    "scrypt": (150.0, 60.0, 60.0, 45.0),
    # every coin's block, and each time that another is worth more
    "switching": (5.0, 10.0, 20.0, 40.0),
}
_REFRESHES_S = {"p2pool": (0.0, 30.0), "switching": (0.0, 30.0, 55.0)}
_TARGETS_S = {"solo": (3.33, 10.0, 30.0, 120.0), "scrypt": (3.0, 5.0, 10.0, 15.0, 20.0, 30.0)}
_SHARE_NUMBER = 4
_VERSION = "client.get_version"


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    subscription = [drawn["agent"]] if drawn["agent"] else []
    if drawn["resumes"] and subscription:
        subscription.append(hex_digits(int(drawn["subscription_digits"]), rng))
    requests = numbered(
        [("mining.subscribe", subscription), ("mining.authorize", [drawn["user"], drawn["password"]])]
    )
    if drawn["extranonce_subscribe"]:
        requests.append({"id": 3, "method": "mining.extranonce.subscribe", "params": []})
    return requests


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a request of the opening, or to the question for a job's transactions."""
    if request["method"] != "mining.get_transactions":
        return bitcoin.answer(request, todo, drawn, rng)
    if drawn["transactions"] < 0:
        return {"id": request["id"], "result": None, "error": [20, "Not supported.", None]}
    sizes = rng.lognormal(5.6, 0.5, int(drawn["transactions"]))
    return result(request, [hex_digits(2 * int(size), rng) for size in sizes])


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a difficulty and a job, at first with a question, seldom with another extranonce."""
    messages = bitcoin.work(todo, drawn, rng)
    if todo.is_new_difficulty and todo.is_new_block and drawn["asks_version"]:
        messages.append({"id": int(rng.integers(1, 9)), "method": _VERSION, "params": []})
    if drawn["extranonce_subscribe"] and rng.random() < 0.1:
        extranonce1 = hex_digits(int(drawn["extranonce1_digits"]), rng)
        messages.insert(0, pushed("mining.set_extranonce", [extranonce1, int(drawn["extranonce2_bytes"])]))
    return messages


def reply(asked: Message, drawn: Drawn) -> Message | None:
    """Build the answer of a miner that is asked for its version."""
    if asked.get("method") != _VERSION:
        return None
    return {"id": asked["id"], "result": drawn["agent"] or "cgminer/3.1.1", "error": None}


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share."""
    return bitcoin.share(_SHARE_NUMBER if drawn["repeats_number"] else number, known, drawn, rng)


def timers(drawn: Drawn) -> Sequence[Timer]:
    """List what a miner sends by the clock."""
    if not drawn["transactions_s"]:
        return ()
    return ((drawn["transactions_s"], partial(_ask_transactions, drawn)),)


def _ask_transactions(drawn: Drawn, number: int, rng: Generator) -> Message:
    del number
    job = hex_digits(int(drawn["job_id_digits"]), rng)
    return {"id": f"txlist-{job}", "method": "mining.get_transactions", "params": [job]}


def _draw(rng: Generator, *, kinds: tuple[str, ...]) -> Parameters:
    kind = str(rng.choice(kinds))
    drawn = draw_pool(
        rng,
        float(rng.choice(_BLOCKS_S[kind])),
        _REFRESHES_S.get(kind, (0.0, 30.0, 30.0, 55.0, 60.0, 120.0)),
        _TARGETS_S.get(kind, (0.5, 1.5, 3.33, 5.0, 8.0, 15.0, 30.0)),
    )
    return with_manners({**drawn, **_form(kind, rng)}, rng)


def _form(kind: str, rng: Generator) -> dict[str, Any]:
    """Draw the form of the messages."""
    agent = str(rng.choice(_AGENTS[kind]))
    counts = agent.startswith(("cgminer", "bfgminer", "sgminer"))
    asks = counts and rng.random() < 0.4
    name = worker(rng)
    account = str(rng.choice(["1" + base58(33, rng), "L" + base58(33, rng), letters(8, rng)]))
    coinbase2_bytes = int(rng.integers(300, 3500) if kind == "p2pool" else rng.integers(43, 130))
    return {
        "kind": kind,
        "agent": agent if rng.random() < 0.75 else "",
        "user": account + (f".{name}" if name else ""),
        "password": str(rng.choice(["x", "1234", "pass", "d=512", ""])),
        "resumes": bool(rng.random() < 0.25),
        "rolls_version": False,
        "extranonce_subscribe": kind == "switching" and bool(rng.random() < 0.5),
        "repeats_number": not counts and bool(rng.random() < 0.7),
        "transactions_s": float(rng.choice([60.0, 150.0, 600.0])) if asks else 0.0,
        "transactions": int(rng.choice([-1, 0, 3, 20])),
        "works_at_once": bool(rng.random() < 0.5),
        "asks_version": bool(rng.random() < 0.3),
        "lists_both": bool(rng.random() < 0.6),
        "subscription_digits": int(rng.choice([8, 16, 32, 64])),
        "extranonce1_digits": int(rng.choice([0, 8, 8, 16])) if kind == "p2pool" else 8,
        "extranonce2_bytes": int(rng.choice([2, 4, 4, 8])),
        "job_id_digits": int(rng.choice([38, 39]) if kind == "p2pool" else rng.choice([1, 2, 3, 4, 8, 32])),
        "coinbase1_digits": 2 * int(rng.integers(42, 110)),
        "coinbase2_digits": 2 * coinbase2_bytes,
        "merkle_branches": int(rng.choice([0, 1, 3, 5]) if kind == "switching" else rng.integers(4, 13)),
        "notice_s": float(rng.choice([0.0, 60.0, 240.0])) if kind == "switching" else 0.0,
    }


_EARLY = Dialect(
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
    reply=reply,
)
_PORTS, _TLS_PORTS = (3333, 3334, 9332, 9327, 8332, 25), (443, 3443, 995)
ACTORS = (
    *stratum_actors(
        "bitcoin-early",
        partial(_draw, kinds=("public", "public", "p2pool", "solo")),
        _EARLY,
        _PORTS,
        _TLS_PORTS,
        family="bitcoin",
    ),
    *stratum_actors(
        "scrypt",
        partial(_draw, kinds=("scrypt", "switching")),
        _EARLY,
        _PORTS,
        _TLS_PORTS,
        family="bitcoin",
    ),
)
