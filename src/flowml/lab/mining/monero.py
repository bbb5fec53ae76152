"""Monero and its kin at pools of several makes, through proxies and at one's own p2pool, plain and in TLS.

Timers follow the pools' configurations: nodejs-pool (Snipa22/nodejs-pool deployment/base.sql), its ancestor
(zone117x/node-cryptonote-pool config_example.json), p2pool (SChernykh/p2pool src/stratum_server.cpp),
xmrig-proxy (xmrig/xmrig-proxy src/config.json) and NiceHash (nicehash/Specifications).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from flowml.lab.mining.conduct import draw_conduct, draw_pool
from flowml.lab.mining.cryptonote import CRYPTONOTE
from flowml.lab.mining.stratum import stratum_actors

if TYPE_CHECKING:
    from numpy.random import Generator

_BLOCK_S = 120.0
_SIDECHAIN_BLOCK_S = 10.0


def draw_any(rng: Generator) -> dict[str, Any]:
    """Draw a pool and its miners from all that there is."""
    targets_s = [10.0, 15.0, 30.0, 30.0, 60.0, 100.0]
    pool = draw_pool(rng, _BLOCK_S, [0.0, 30.0, 60.0, 120.0, 120.0, 120.0], targets_s)
    hashes_per_s = float(rng.lognormal(7.0, 1.2))
    return {
        **pool,
        **_form(rng),
        "hashes_per_s": hashes_per_s,
        "start_difficulty": pool["start_difficulty"] * hashes_per_s / pool["hashes_per_s"],
        "retarget_s": float(rng.choice([30.0, 60.0, 90.0])),
        "least_difficulty": 100.0,
        "has_octaves": bool(rng.random() < 0.7),
        "pool_spaces": False,
        "miner_spaces": bool(rng.random() < 0.1),
    }


def draw_public(rng: Generator) -> dict[str, Any]:
    """Draw what XMRig at a large public pool of 2019 to 2021 was.

    Fitted to every second capture of CJ-Sniffer (github.com/yebof/CJ-Sniffer-Dataset), by name, from the
    first: difficulties of 32,768 at login and 16,384 at least, which nearly all miners fall to with one of
    the next jobs; 30 to 2,600 hashes a second, work renewed after 120 to 128 s, answers after 160 to 210 ms,
    in a third of the connections later and more scattered, no rejected share.
    """
    hashes_per_s = float(rng.lognormal(np.log(650.0), 0.7))
    return {
        **_form(rng),
        **draw_conduct(rng),
        "block_s": _BLOCK_S,
        "refresh_s": 120.0,
        "refresh_jitter_s": 8.0,
        "target_s": 12.0,
        "retarget_s": 30.0,
        "variance_ratio": 0.4,
        "vardiff": True,
        "burst_shares": 1000,
        "has_octaves": True,
        "least_difficulty": 16384.0,
        "hashes_per_s": hashes_per_s,
        "start_difficulty": 32768.0,
        "rejected_ratio": 0.0,
        "session_s": 36000.0,
        "pool_spaces": False,
        "miner_spaces": False,
        "blob_digits": 152,
        "job_id_digits": 10,
        "job_fields": str(rng.choice(["full", "old"], p=[0.95, 0.05])),
        "next_seed_digits": int(rng.choice([0, 64], p=[0.88, 0.12])),
        "client_id": "number",
        "jsonrpc": True,
        "submit_algo": False,
        "any_miner": False,
        "keepalive": False,
        "steers_with_jobs": True,
        "doubled_ratio": 0.0,
        "pool_delays": False,
        "miner_delays": False,
        "notice_s": 0.0,
        "up_s": 0.0,
        "way_s": float(rng.uniform(0.12, 0.18)),
        "think_s": float(rng.choice([0.006, 0.006, 0.1])),
        "warmup_s": 10.0,
        "stall_ratio": float(rng.choice([0.005, 0.03])),
        "first_number": int(rng.lognormal(np.log(100.0), 1.3)),
    }


def draw_nodejs(rng: Generator) -> dict[str, Any]:
    """Draw nodejs-pool: 30 s a share, steered every minute, long base64 job names, signs of life."""
    return {
        **draw_any(rng),
        "target_s": 30.0,
        "retarget_s": 60.0,
        "variance_ratio": 0.2,
        "refresh_s": 0.0,
        "job_id_digits": 28,
        "client_id": "uuid",
        "has_octaves": False,
        "keepalive": bool(rng.random() < 0.7),
    }


def draw_ancestor(rng: Generator) -> dict[str, Any]:
    """Draw node-cryptonote-pool: 100 s a share, steered every half minute, bare jobs on blocks alone."""
    return {
        **draw_any(rng),
        "target_s": 100.0,
        "retarget_s": 30.0,
        "refresh_s": 0.0,
        "job_id_digits": 15,
        "job_fields": "bare",
        "client_id": "hex",
        "keepalive": False,
    }


def draw_p2pool(rng: Generator) -> dict[str, Any]:
    """Draw one's own p2pool: work from Monero's blocks and from those of a sidechain, one in 10 s."""
    return {
        **draw_any(rng),
        "block_s": 1.0 / (1.0 / _BLOCK_S + 1.0 / _SIDECHAIN_BLOCK_S),
        "refresh_s": 0.0,
        "target_s": 30.0,
        "retarget_s": 30.0,
        "steers_with_jobs": True,
        "job_fields": "no_next",
        "job_id_digits": int(rng.integers(1, 9)),
        "target_digits": int(rng.choice([8, 16])),
        "client_id": "short",
        "submit_algo": True,
        "says_no_error": False,
        "keepalive": False,
        "has_octaves": False,
        "way_s": 0.0,
    }


def draw_proxy(rng: Generator) -> dict[str, Any]:
    """Draw an xmrig-proxy: what it says to a pool for 2 to 500 workers, over one connection."""
    n_workers = round(float(np.exp(rng.uniform(np.log(2.0), np.log(500.0)))))
    drawn = draw_any(rng)
    return {
        **drawn,
        "workers": n_workers,
        "hashes_per_s": drawn["hashes_per_s"] * n_workers,
        # The pool steers the proxy as one miner, but seldom so far as it would one with so much to give.
        "target_s": drawn["target_s"] / float(rng.choice([1.0, 3.0, 10.0])),
        "start_difficulty": drawn["start_difficulty"] * n_workers,
        "nicehash": True,
        "first_number": int(rng.integers(1, 50_000)),
    }


def draw_worker(rng: Generator) -> dict[str, Any]:
    """Draw a worker of an xmrig-proxy or of NiceHash, whose nonces carry a byte of the pool's."""
    hashes_per_s = float(rng.lognormal(7.5, 1.2))
    # NiceHash: 256 miners share one upstream, so that 100,000 becomes 391 for each
    lowest = float(rng.choice([391.0, 1000.0, 10_000.0]))
    return {
        **draw_any(rng),
        "hashes_per_s": hashes_per_s,
        "start_difficulty": max(lowest, hashes_per_s * float(rng.choice([3.0, 10.0, 30.0]))),
        "least_difficulty": lowest,
        "vardiff": False,
        "client_id": "uuid",
        "nicehash": True,
        "keepalive": bool(rng.random() < 0.8),
        "way_s": 0.0,
    }


def draw_malware(rng: Generator) -> dict[str, Any]:
    """Draw miners on machines of others, at their owner's proxy: slow, and at rest while somebody works."""
    hashes_per_s = float(rng.lognormal(6.0, 1.0))
    minds_people = bool(rng.random() < 0.6)
    return {
        **draw_worker(rng),
        "hashes_per_s": hashes_per_s,
        "start_difficulty": hashes_per_s * float(rng.choice([10.0, 20.0, 60.0, 120.0])),
        "least_difficulty": 100.0,
        "vardiff": bool(rng.random() < 0.3),
        "keepalive": bool(rng.random() < 0.7),
        "session_s": float(rng.choice([300.0, 3600.0, 36000.0])),
        "turn_s": float(rng.choice([60.0, 180.0, 600.0])) if minds_people else 0.0,
        "rest_s": float(rng.choice([60.0, 180.0, 600.0])) if minds_people else 0.0,
        "way_s": float(rng.choice([0.0, rng.uniform(0.02, 0.2)])),
    }


def draw_fee(rng: Generator) -> dict[str, Any]:
    """Draw the connection for a miner's author: always open, and mined for a minute at times."""
    drawn = draw_any(rng)
    hashes_per_s = drawn["hashes_per_s"] * 30.0  # the author's pool has rigs in mind
    return {
        **drawn,
        "hashes_per_s": hashes_per_s,
        "start_difficulty": hashes_per_s * float(rng.choice([5.0, 10.0, 20.0])),
        "vardiff": False,
        "turn_s": float(rng.choice([20.0, 36.0, 60.0])),
        "rest_s": float(rng.choice([240.0, 600.0, 1800.0])),
        "session_s": 36000.0,
    }


def _form(rng: Generator) -> dict[str, Any]:
    """Draw the form of the messages."""
    return {
        "blob_digits": int(rng.choice([152, 152, 152, 154, 150])),
        "height": int(rng.integers(1_900_000, 3_500_000)),
        "job_id_digits": int(rng.choice([10, 10, 10, 15, 16, 32])),
        "job_fields": str(rng.choice(["full", "no_next", "bare"], p=[0.6, 0.25, 0.15])),
        "next_seed_digits": int(rng.choice([0, 0, 0, 64])),
        "target_digits": 8,
        "client_id": str(rng.choice(["number", "uuid", "hex"], p=[0.5, 0.35, 0.15])),
        "jsonrpc": bool(rng.random() < 0.9),
        "submit_algo": bool(rng.random() < 0.25),
        "nicehash": bool(rng.random() < 0.1),
        "says_no_error": True,
        "any_miner": True,
        "workers": 1,
    }


_TLS_PORTS = (443, 3334, 9000, 14433, 20128)
ACTORS = (
    *stratum_actors("monero", draw_any, CRYPTONOTE, (3333, 4444, 5555, 7777, 8080, 80), _TLS_PORTS),
    *stratum_actors("monero-public", draw_public, CRYPTONOTE, (4444, 5555, 80), _TLS_PORTS, family="monero"),
    *stratum_actors("nodejs-pool", draw_nodejs, CRYPTONOTE, (3333, 5555, 7777), _TLS_PORTS, family="monero"),
    *stratum_actors("cryptonote-pool", draw_ancestor, CRYPTONOTE, (3333, 5555), _TLS_PORTS, family="monero"),
    *stratum_actors("p2pool", draw_p2pool, CRYPTONOTE, (3333,), (3333, 443), family="monero"),
    *stratum_actors("xmrig-proxy", draw_proxy, CRYPTONOTE, (3333, 4444, 80), _TLS_PORTS, family="monero"),
    *stratum_actors("proxy-worker", draw_worker, CRYPTONOTE, (3333, 8080), _TLS_PORTS, family="monero"),
    *stratum_actors(
        "miner-malware", draw_malware, CRYPTONOTE, (80, 8080, 14444), (443, 8443, 9999), family="monero"
    ),
    *stratum_actors("developer-fee", draw_fee, CRYPTONOTE, (3333, 14444), _TLS_PORTS, family="monero"),
)
