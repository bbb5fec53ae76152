"""Ethereum and its kin with eth_* messages over TCP: miners that poll for work or are pushed it.

Sizes and beats are those of old getWork clients (a poll every 10 s, a hash rate every 20 s) and of ethminer
(ethereum-mining/ethminer libpoolprotocols).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.mining.conduct import draw_pool
from flowml.lab.mining.dialect import Dialect, Drawn, Heard, Message, Timer, Work
from flowml.lab.mining.identities import hex_digits, worker
from flowml.lab.mining.manners import with_manners
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_LARGEST_TARGET = 2**256 - 1


def opening(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build what a miner says first."""
    del rng
    params = [drawn["user"], "x"] if drawn["sends_password"] else [drawn["user"]]
    n_login, n_work = (2, 3) if drawn["repeats_number"] else (1, 2)
    login = {**_envelope(drawn), "params": params, "id": n_login, "method": "eth_submitLogin"}
    return [login, get_work(drawn, n_work)]


def get_work(drawn: Drawn, number: int) -> Message:
    """Build a question for work."""
    number = 3 if drawn["repeats_number"] else number
    return {**_envelope(drawn), "params": [], "id": number, "method": "eth_getWork"}


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a login, a poll or a hash rate."""
    if request["method"] == "eth_getWork":
        return _job(request["id"], todo.difficulty, drawn, rng)
    return {"id": request["id"], "jsonrpc": "2.0", "result": True}


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a job; most pools whose clients poll push none."""
    return [] if drawn["poll_s"] and not drawn["pushes_too"] else [_job(0, todo.difficulty, drawn, rng)]


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share."""
    params = ["0x" + hex_digits(16, rng), known.job, "0x" + hex_digits(64, rng)]
    number = 4 if drawn["repeats_number"] else number
    return {**_envelope(drawn), "params": params, "id": number, "method": "eth_submitWork"}


def verdict(request: Message, is_accepted: bool, drawn: Drawn, rng: Generator) -> Message:
    """Build the answer to a share."""
    del drawn, rng
    return {"id": request["id"], "jsonrpc": "2.0", "result": is_accepted}


def heed(message: Message) -> Heard:
    """Read job and difficulty out of an answer that is work."""
    result = message.get("result")
    if isinstance(result, list):
        return Heard(job=result[0], difficulty=_LARGEST_TARGET / max(int(result[2], 16), 1))
    return Heard()


def timers(drawn: Drawn) -> Sequence[Timer]:
    """List what a miner sends by the clock."""
    beats: list[Timer] = []
    if drawn["poll_s"]:
        beats.append((drawn["poll_s"], lambda number, _: get_work(drawn, number)))
    if drawn["hashrate_s"]:
        beats.append((drawn["hashrate_s"], partial(hash_rate, drawn)))
    return beats


def hash_rate(drawn: Drawn, number: int, rng: Generator) -> Message:
    """Build a report of the hash rate."""
    number = 6 if drawn["repeats_number"] else number
    n_digits = 64 if drawn["pads_hashrate"] else 1
    rate = f"0x{int(drawn['hashes_per_s'] * 1e6 * rng.uniform(0.95, 1.05)):0{n_digits}x}"
    identity = "0x" + drawn["identity"]
    return {**_envelope(drawn), "params": [rate, identity], "id": number, "method": "eth_submitHashrate"}


def _job(number: int, difficulty: float, drawn: Drawn, rng: Generator) -> Message:
    target = min(int(_LARGEST_TARGET / max(difficulty, 1.0)), _LARGEST_TARGET)
    result = ["0x" + hex_digits(64, rng), "0x" + hex_digits(64, rng), f"0x{target:064x}"]
    if drawn["tells_height"]:
        result.append("0x" + hex_digits(6, rng))
    return {"id": number, "jsonrpc": "2.0", "result": result}


def _envelope(drawn: Drawn) -> Message:
    named = {"worker": drawn["worker"]} if drawn["sends_worker"] else {}
    return {**named, **({"jsonrpc": "2.0"} if drawn["sends_version"] else {})}


def _draw(rng: Generator) -> Parameters:
    name = worker(rng)
    polls = rng.random() < 0.5
    return {
        **draw_pool(rng, 13.0, [0.0], [10.0, 30.0, 60.0, 120.0]),
        "user": "0x" + hex_digits(40, rng) + (f".{name}" if name else ""),
        "worker": name or "eth1.0",
        "sends_worker": bool(rng.random() < 0.6),
        "sends_version": bool(rng.random() < 0.7),
        "pads_hashrate": bool(rng.random() < 0.5),
        "sends_password": bool(rng.random() < 0.4),
        "tells_height": bool(rng.random() < 0.3),
        "poll_s": float(rng.choice([0.5, 3.0, 5.0, 10.0, 10.0])) if polls else 0.0,
        "hashrate_s": float(rng.choice([0.0, 20.0, 60.0])),
        "identity": hex_digits(64, rng),
        "pushes_too": False,
        "repeats_number": False,
    }


def _draw_early(rng: Generator) -> Parameters:
    """Draw Claymore, ethminer, PhoenixMiner at pools of 2016 to 2022: dwarfpool, nanopool, ethermine.

    Claymore has one number for each kind of message, asks for work though it is pushed, and says
    ``"worker": "eth1.0"`` (as proxies for it show); dwarfpool wants the owner's mail behind the wallet.
    """
    drawn = _draw(rng)
    is_claymore = bool(rng.random() < 0.5)
    polls = rng.random() < 0.6
    mail = "/mail@mail.example" if rng.random() < 0.2 else ""
    changed = {
        **draw_pool(rng, 14.0, [0.0, 0.0, 10.0, 30.0], [3.0, 5.0, 10.0, 30.0, 60.0, 120.0]),
        "user": f"{drawn['user']}{mail}",
        "worker": "eth1.0" if is_claymore and rng.random() < 0.5 else drawn["worker"],
        "sends_worker": is_claymore or bool(rng.random() < 0.4),
        "sends_version": bool(rng.random() < 0.9),
        "repeats_number": is_claymore,
        "miner_spaces": is_claymore and bool(rng.random() < 0.7),
        "pushes_too": bool(rng.random() < 0.6),
        "poll_s": float(rng.choice([0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 10.0])) if polls else 0.0,
        "hashrate_s": float(rng.choice([0.0, 10.0, 10.0, 20.0, 60.0, 120.0, 300.0])),
    }
    return with_manners({**drawn, **changed}, rng)


_ETHEREUM = Dialect(
    opening, answer, work, share, verdict, heed, "eth_submitLogin", "eth_submitWork", timers=timers
)
_PORTS, _TLS_PORTS = (4444, 9999, 8008, 3333), (443, 5555, 12020)
ACTORS = (
    *stratum_actors("ethereum", _draw, _ETHEREUM, _PORTS, _TLS_PORTS),
    *stratum_actors("ethereum-early", _draw_early, _ETHEREUM, _PORTS, _TLS_PORTS, family="ethereum"),
)
