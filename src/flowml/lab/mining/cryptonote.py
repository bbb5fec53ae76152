"""CryptoNote stratum: the messages of Monero's pools and miners.

They follow XMRig (xmrig/xmrig src/base/net/stratum/Client.cpp) and nodejs-pool (Snipa22/nodejs-pool
lib/pool.js); sizes are those measured on real connections, see the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowml.lab.mining.identities import base58, hex_digits, worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

_ALGORITHMS = [
    "cn/1",
    "cn/2",
    "cn/r",
    "cn/fast",
    "cn/half",
    "cn/xao",
    "cn/rto",
    "cn/rwz",
    "cn/zls",
    "cn/double",
    "cn/ccx",
    "cn-lite/1",
    "cn-heavy/0",
    "cn-heavy/tube",
    "cn-heavy/xhv",
    "cn-pico",
    "cn-pico/tlo",
    "cn/upx2",
    "rx/0",
    "rx/wow",
    "rx/arq",
    "rx/graft",
    "rx/sfx",
    "rx/keva",
    "argon2/chukwa",
    "argon2/chukwav2",
    "argon2/ninja",
    "ghostrider",
]
_AGENTS = (
    "XMRig/2.14.1 (Linux x86_64) libuv/1.24.1 gcc/5.4.0",
    "XMRig/3.1.2 (Macintosh; Intel Mac OS X) libuv/1.27.0 clang/10.0.1",
    "XMRig/5.11.2 (Windows NT 10.0; Win64; x64) libuv/1.38.0 gcc/9.3.0",
    "XMRig/6.16.4 (Linux x86_64) libuv/1.43.0 gcc/9.4.0",
    "XMRig/6.18.0 (Windows NT 10.0; Win64; x64) libuv/1.43.0 msvc/2019",
    "XMRig/6.21.3 (Linux aarch64) libuv/1.48.0 gcc/13.2.1",
    "XMRig/6.22.2 (Linux x86_64) libuv/1.49.2 gcc/13.2.1",
    "xmr-stak-cpu/1.3.0-1.5.0",
    "SRBMiner-MULTI/2.4.7",
)


def login(parameters: Mapping[str, Any], rng: Generator) -> dict[str, object]:
    """Draw a miner's first message."""
    name = worker(rng)
    n_algorithms = int(rng.choice([0, 1, 12, 22, 22, 28], p=[0.1, 0.05, 0.15, 0.3, 0.2, 0.2]))
    wallet = "4" + base58(int(rng.choice([94, 94, 105])), rng)
    params: dict[str, object] = {
        "login": wallet + (f".{name}" if name else ""),
        "pass": str(rng.choice(["x", "x", "x", name or "x", "d=10000"])),
        "agent": str(rng.choice(_AGENTS)),
    }
    if rng.random() < 0.15:
        params["rigid"] = name
    if n_algorithms:
        params["algo"] = _ALGORITHMS[:n_algorithms]
    envelope = {"jsonrpc": "2.0"} if parameters["jsonrpc"] else {}
    return {"id": 1, **envelope, "method": "login", "params": params}


def job(parameters: Mapping[str, Any], difficulty: float, rng: Generator) -> dict[str, object]:
    """Draw the work that a pool gives out, in the form of that pool."""
    drawn: dict[str, object] = {
        "algo": "rx/0",
        "blob": hex_digits(int(parameters["blob_digits"]), rng),
        "height": int(parameters["height"]),
        "job_id": hex_digits(int(parameters["job_id_digits"]), rng),
        "next_seed_hash": "",
        "seed_hash": hex_digits(64, rng),
        "target": target_of(difficulty),
    }
    left_out = {"full": (), "no_next": ("next_seed_hash",)}.get(
        str(parameters["job_fields"]), ("algo", "height", "next_seed_hash", "seed_hash")
    )
    return {key: value for key, value in drawn.items() if key not in left_out}


def submit(
    number: int, client_id: str, job_id: str, parameters: Mapping[str, Any], rng: Generator
) -> dict[str, object]:
    """Draw a share."""
    params = {"id": client_id, "job_id": job_id, "nonce": hex_digits(8, rng), "result": hex_digits(64, rng)}
    if parameters["submit_algo"]:
        params["algo"] = "rx/0"
    envelope = {"jsonrpc": "2.0"} if parameters["jsonrpc"] else {}
    return {"id": number, **envelope, "method": "submit", "params": params}


def answer(number: int, result: object, error: object = None) -> dict[str, object]:
    """Build a pool's answer to a numbered message."""
    return {"id": number, "jsonrpc": "2.0", "result": result, "error": error}


def target_of(difficulty: float) -> str:
    """Compact target of a difficulty: 32 bits, little endian, as hexadecimal."""
    return min(int(2**32 / difficulty), 2**32 - 1).to_bytes(4, "little").hex()


def difficulty_of(target: str) -> float:
    """Difficulty of a compact target."""
    return 2**32 / max(int.from_bytes(bytes.fromhex(target), "little"), 1)
