"""CryptoNote before RandomX: cpuminer-multi, Claymore, xmr-stak, XMRig 2, MinerGate; and today's botnets.

Jobs have a blob, a name and a target, and neither algorithm nor height nor seed. cpuminer-multi, Claymore and
xmr-stak send everything with the id 1 (cpuminer-multi cpu-miner.c and util.c, fireice-uk/xmr-stak
net/jpsock.cpp), xmr-stak with its back end and its counts where the pool wants them; XMRig 2 counts, and says
"keepalived" after 60 s where it was told to, whether or not the pool speaks of it. Blocks came every 60 s
until March 2016, then every 120 s, in other coins every 60 to 240 s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowml.lab.mining import cryptonote
from flowml.lab.mining.conduct import draw_pool
from flowml.lab.mining.cryptonote import CRYPTONOTE
from flowml.lab.mining.identities import base58, hex_digits, letters, worker
from flowml.lab.mining.manners import with_manners
from flowml.lab.mining.monero import draw_any
from flowml.lab.mining.stratum import stratum_actors
from flowml.lab.mining.xmrig import envelope

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.mining.dialect import Drawn, Heard, Message

_AGENTS = {
    "cpuminer": ("cpuminer-multi/0.1", "cpuminer-multi/1.0.5", "cpuminer-multi/1.2-dev", "cpuminer/2.3.3"),
    "claymore": ("CryptoNote Claymore CPU v3.9", "Claymore CryptoNote GPU Miner v11.3"),
    "xmr-stak": (
        "xmr-stak-cpu/1.3.0-1.5.0",
        "xmr-stak-amd/1.1.0-1.4.0",
        "xmr-stak/2.4.3/c5f0505d/master/lin/cpu/20",
        "xmr-stak/2.10.8/e871e5e3/master/win/nvidia-amd-cpu/aeon-cryptonight-monero/0",
    ),
    "xmrig-2": (
        "XMRig/2.4.2 (Windows NT 6.1; Win64; x64) libuv/1.14.1 msvc/2017",
        "XMRig/2.5.0 (Linux x86_64) libuv/1.8.0 gcc/5.4.0",
        "XMRig/2.6.2 (Windows NT 10.0) libuv/1.20.3 gcc/7.2.0",
        "XMRig/2.13.0 (Linux aarch64) libuv/1.9.1 gcc/6.3.0",
    ),
    "minergate": ("MinerGateWin-cli/4.04", "MinerGateMac/8.1", "MinerGate/6.9"),
    "other": ("yam/M8a", "wolf-xmr-miner/0.3", "JCE/win64/0.33q", "coinhive", "ccminer-cryptonight/2.02"),
}
_PERSONAS = tuple(_AGENTS)


def login(drawn: Drawn, rng: Generator) -> list[Message]:
    """Build a miner's first message."""
    params: dict[str, Any] = {"login": drawn["user"], "pass": drawn["password"]}
    if drawn["rig"]:
        params["rigid"] = drawn["rig"]
    if drawn["tells_agent"]:
        params["agent"] = str(rng.choice(_AGENTS[drawn["persona"]]))
    return [_call("login", 1, params, drawn)]


def share(number: int, known: Heard, drawn: Drawn, rng: Generator) -> Message:
    """Build a share."""
    params: dict[str, Any] = {
        "id": known.name,
        "job_id": known.job,
        "nonce": hex_digits(8, rng),
        "result": hex_digits(64, rng),
    }
    if drawn["reports_hashes"]:
        n_hashes = int(rng.exponential(known.difficulty)) + 1
        params |= {"backend": "cpu", "hashcount": n_hashes, "hashcount_total": 40 * n_hashes}
        params["algo"] = "cryptonight"
    return _call("submit", 1 if drawn["repeats_number"] else number, params, drawn)


def _call(method: str, number: int, params: dict[str, Any], drawn: Drawn) -> Message:
    if drawn["repeats_number"]:
        return {"method": method, "params": params, "id": number}
    return {"id": number, **envelope(drawn), "method": method, "params": params}


def draw_early(rng: Generator) -> dict[str, Any]:
    """Draw a pool of 2014 to 2019 and its miners."""
    persona = str(rng.choice(_PERSONAS))
    pool = draw_pool(
        rng,
        float(rng.choice([60.0, 120.0, 120.0, 120.0, 240.0])),
        [0.0, 0.0, 30.0, 60.0, 120.0],
        [10.0, 15.0, 30.0, 60.0, 100.0],
    )
    hashes_per_s = float(rng.lognormal(4.8, 1.2))  # a core of that time gave 20 to 70
    drawn = {
        **pool,
        "hashes_per_s": hashes_per_s,
        "start_difficulty": pool["start_difficulty"] * hashes_per_s / pool["hashes_per_s"],
        "least_difficulty": float(rng.choice([100.0, 1000.0, 5000.0])),
        "pool_spaces": False,
        "persona": persona,
        **_miner(persona, rng),
        **_jobs(rng),
    }
    return with_manners(drawn, rng)


def _miner(persona: str, rng: Generator) -> dict[str, Any]:
    repeats = persona in {"cpuminer", "claymore", "xmr-stak", "other"}
    name = worker(rng)
    wallet = "4" + base58(94, rng)
    account = str(rng.choice([wallet, wallet, f"{wallet}.{hex_digits(64, rng)}", f"{wallet}+{5000}"]))
    if persona == "minergate":
        account, name = f"{letters(int(rng.integers(4, 16)), rng)}@mail.example", ""
    return {
        "user": account + (f".{name}" if name else ""),
        "password": str(rng.choice(["x", "x", name or "x", "x:mail@mail.example"])),
        "rig": letters(6, rng) if persona == "xmr-stak" and rng.random() < 0.5 else "",
        "tells_agent": bool(rng.random() < 0.9),
        "repeats_number": repeats,
        "reports_hashes": persona == "xmr-stak" and bool(rng.random() < 0.4),
        "jsonrpc": not repeats,
        "miner_spaces": persona == "cpuminer",
        "lives_unasked": persona in {"xmrig-2", "minergate"} and bool(rng.random() < 0.5),
    }


def _jobs(rng: Generator) -> dict[str, Any]:
    return {
        "blob_digits": int(rng.choice([152, 152, 152, 154])),
        "height": 0,
        "job_id_digits": int(rng.choice([15, 15, 10, 16, 28, 32])),
        "job_fields": "bare",
        "next_seed_digits": 0,
        "target_digits": int(rng.choice([8, 8, 8, 16])),
        "client_id": str(rng.choice(["number", "uuid", "hex", "short"])),
        "nicehash": bool(rng.random() < 0.1),
        "submit_algo": False,
        "says_no_error": bool(rng.random() < 0.8),
        "keepalive": False,
    }


def draw_botnet(rng: Generator) -> dict[str, Any]:
    """Draw what XMRig on machines of others says to a public pool of any coin, whose blobs may be long."""
    drawn = draw_any(rng)
    # Coins that add signatures, prices or the proofs of merged chains to what is hashed have longer blobs.
    blob_digits = int(rng.choice([152, 156, 170, 216, 286, 340, 500]))
    return with_manners({**drawn, "blob_digits": blob_digits, "lives_unasked": bool(rng.random() < 0.2)}, rng)


_EARLY = replace(CRYPTONOTE, opening=login, share=share, keep_alive=cryptonote.keep_alive)
_PORTS, _TLS_PORTS = (3333, 4444, 5555, 7777, 14444, 45560, 80), (443, 3334, 9000, 14433)
ACTORS = (
    *stratum_actors("cryptonote-early", draw_early, _EARLY, _PORTS, _TLS_PORTS, family="monero"),
    *stratum_actors("monero-botnet", draw_botnet, CRYPTONOTE, _PORTS, _TLS_PORTS, family="monero"),
)
