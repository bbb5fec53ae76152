"""CryptoNote stratum: the messages of Monero's pools and miners.

They follow XMRig (xmrig/xmrig src/base/net/stratum/Client.cpp) and nodejs-pool (Snipa22/nodejs-pool
lib/pool.js); sizes are those measured on real connections, see the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.mining.dialect import Dialect, Drawn, Heard, Message, Work
from flowml.lab.mining.identities import hex_digits
from flowml.lab.mining.xmrig import envelope, login

if TYPE_CHECKING:
    from numpy.random import Generator

_ERRORS = (
    "Low difficulty share",
    "Block expired",
    "Duplicate share",
    "Invalid nonce; is miner not compatible",
)


def answer(request: Message, todo: Work, drawn: Drawn, rng: Generator) -> Message:
    """Build a pool's answer to a login, with the first job, or to a sign of life."""
    if request["method"] != "login":
        return _answer(request["id"], {"status": "KEEPALIVED"})
    welcome: dict[str, object] = {"id": _client_id(drawn, rng), "job": job(drawn, todo.difficulty, rng)}
    extensions = [*(["algo"] if drawn["submit_algo"] else []), *(["nicehash"] if drawn["nicehash"] else [])]
    if drawn["keepalive"]:
        extensions += ["connect", "tls", "keepalive"]
    if extensions:
        welcome["extensions"] = extensions
    answered = _answer(request["id"], {**welcome, "status": "OK"})
    if not drawn["says_no_error"]:
        del answered["error"]
    return answered


def work(todo: Work, drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a job, which holds its difficulty too."""
    return [{"jsonrpc": "2.0", "method": "job", "params": job(drawn, todo.difficulty, rng)}]


def job(drawn: Drawn, difficulty: float, rng: Generator) -> Message:
    """Draw the work that a pool gives out, in the form of that pool."""
    left_out = {"full": (), "no_next": ("next_seed_hash",), "old": ("next_seed_hash", "seed_hash")}.get(
        str(drawn["job_fields"]), ("algo", "height", "next_seed_hash", "seed_hash")
    )
    drawn_job: Message = {
        "algo": "cn/r" if drawn["job_fields"] == "old" else "rx/0",
        "blob": hex_digits(int(drawn["blob_digits"]), rng),
        "height": int(drawn["height"]),
        "job_id": hex_digits(int(drawn["job_id_digits"]), rng),
        "next_seed_hash": hex_digits(int(drawn["next_seed_digits"]), rng),
        "seed_hash": hex_digits(64, rng),
        "target": target_of(difficulty, int(drawn["target_digits"])),
    }
    return {key: value for key, value in drawn_job.items() if key not in left_out}


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Draw a share. In NiceHash mode the nonce's last byte is the pool's; nobody can see that in a size."""
    params = {
        "id": known.name,
        "job_id": known.job,
        "nonce": hex_digits(8, rng),
        "result": hex_digits(64, rng),
    }
    if drawn["submit_algo"]:
        params["algo"] = "rx/0"
    return {"id": number, **envelope(drawn), "method": "submit", "params": params}


def verdict(request: Message, is_accepted: bool, drawn: Drawn, rng: Generator) -> Message:
    """Build the answer to a share."""
    del drawn
    if is_accepted:
        return _answer(request["id"], {"status": "OK"})
    error = {"code": -1, "message": str(rng.choice(_ERRORS))}
    return {"id": request["id"], "jsonrpc": "2.0", "error": error}


def heed(message: Message) -> Heard:
    """Read a job, and the client's name out of the answer to its login."""
    welcome = message.get("result")
    if isinstance(welcome, dict) and "job" in welcome:
        keeps_alive = "keepalive" in welcome.get("extensions", ())
        return Heard(name=welcome["id"], keeps_alive=keeps_alive).and_then(_heard(welcome["job"]))
    return _heard(message["params"]) if message.get("method") == "job" else Heard()


def refusal(request: Message) -> Message:
    """Build the answer to a login with a wallet that the pool does not take, or has banned."""
    error = {"code": -1, "message": "Invalid payment address provided"}
    return {"id": request["id"], "jsonrpc": "2.0", "error": error}


def keep_alive(number: int, known: Heard) -> Message:
    """Build a sign of life."""
    return {"id": number, "jsonrpc": "2.0", "method": "keepalived", "params": {"id": known.name}}


def target_of(difficulty: float, n_digits: int = 8) -> str:
    """Compact target of a difficulty: 32 or 64 bits, little endian, as hexadecimal."""
    largest = 1 << (4 * n_digits)
    return min(int(largest / difficulty), largest - 1).to_bytes(n_digits // 2, "little").hex()


def difficulty_of(target: str) -> float:
    """Difficulty of a compact target."""
    return float((1 << (4 * len(target))) / max(int.from_bytes(bytes.fromhex(target), "little"), 1))


def _heard(work: Message) -> Heard:
    return Heard(job=work["job_id"], difficulty=difficulty_of(work["target"]))


def _answer(number: int, result: object) -> Message:
    return {"id": number, "jsonrpc": "2.0", "result": result, "error": None}


def _client_id(drawn: Drawn, rng: Generator) -> str:
    kind, digits = drawn["client_id"], hex_digits(32, rng)
    if kind == "number":
        return str(rng.integers(4_000, 33_000))
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    named: dict[str, str] = {"uuid": "-".join(parts), "short": digits[:8]}
    return named.get(str(kind), digits[:16])


def _opening(drawn: Drawn, rng: Generator) -> list[Message]:
    return [login(drawn, rng)]


CRYPTONOTE = Dialect(
    _opening,
    answer,
    work,
    share,
    verdict,
    heed,
    "login",
    "submit",
    answers_with_work=True,
    keep_alive=keep_alive,
    refusal=refusal,
)
