"""What pools and miners do besides mining: steering, answering, breaking down, writing to TCP."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from flowml.lab.mining.shares import Vardiff, VardiffSettings, draw_start_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from flowml.lab.mining.dialect import Drawn
    from flowml.lab.peer import Peer

_IDLE_RATIO = 300.0
_STALL_S = 0.7  # a share in thirty is answered half a second late in CJ-Sniffer


def draw_pool(
    rng: Generator, block_s: float, refreshes_s: Sequence[float], targets_s: Sequence[float]
) -> dict[str, Any]:
    """Draw what all pools and their miners differ in.

    ``hashes_per_s`` counts in difficulty units: a miner finds a share of difficulty d every d/hashes_per_s.
    """
    target_s = float(rng.choice(targets_s))
    hashes_per_s = float(rng.lognormal(5.0, 2.0))
    is_steered = bool(rng.random() < 0.7)
    # One pool in twenty-five has given a miner a difficulty that it does not meet: jobs come, no share goes.
    start_ratio = _IDLE_RATIO if rng.random() < 0.04 else draw_start_ratio(is_steered, rng)
    return {
        "block_s": block_s,
        "refresh_s": float(rng.choice(refreshes_s)),
        "target_s": target_s,
        "retarget_s": float(rng.choice([30.0, 60.0, 90.0, 240.0])),
        "variance_ratio": float(rng.uniform(0.1, 0.5)),
        "vardiff": is_steered and start_ratio < _IDLE_RATIO,
        "burst_shares": int(rng.choice([12, 24, 72])),
        "has_octaves": bool(rng.random() < 0.5),
        "least_difficulty": 1e-6,
        "hashes_per_s": hashes_per_s,
        "start_difficulty": hashes_per_s * target_s * start_ratio,
        "rejected_ratio": float(rng.choice([0.0, 0.0, 0.01, 0.05])),
        "session_s": float(rng.choice([600.0, 3600.0, 36000.0])),
        "pool_spaces": bool(rng.random() < 0.3),
        "miner_spaces": bool(rng.random() < 0.5),
        **draw_conduct(rng),
    }


def draw_conduct(rng: Generator) -> dict[str, Any]:
    """Draw what pools and miners do besides mining."""
    breaks_down = bool(rng.random() < 0.15)
    return {
        "think_s": float(rng.uniform(0.001, 0.03)),
        # Between the front that miners reach and the one that judges their shares lies an ocean at times.
        "way_s": float(rng.uniform(0.01, 0.2)) if rng.random() < 0.25 else 0.0,
        "stall_ratio": float(rng.choice([0.0, 0.0, 0.01, 0.04])),
        "refresh_jitter_s": float(rng.choice([0.0, 0.0, 1.0, 10.0])),
        "steers_with_jobs": bool(rng.random() < 0.3),
        "doubled_ratio": float(rng.choice([0.0, 0.0, 0.05, 0.3])),
        "writes_apart": bool(rng.random() < 0.3),
        "pool_delays": bool(rng.random() < 0.25),
        "miner_delays": bool(rng.random() < 0.25),
        "notice_s": float(rng.choice([0.0, 0.0, 0.0, 120.0, 900.0])),
        "up_s": float(rng.choice([120.0, 300.0, 600.0])) if breaks_down else 0.0,
        "down_s": float(rng.choice([10.0, 40.0, 120.0])) if breaks_down else 0.0,
        "is_mute_when_down": bool(rng.random() < 0.5),
        "first_number": int(rng.integers(1, 1500)) if rng.random() < 0.25 else 0,
        "warmup_s": float(rng.choice([0.0, 0.0, 5.0, 20.0])),
        "keepalive": bool(rng.random() < 0.3),
        "turn_s": 0.0,
        "rest_s": 0.0,
    }


def steering(drawn: Drawn, now_s: float) -> Vardiff:
    """Start steering one miner."""
    settings = VardiffSettings(
        drawn["target_s"],
        drawn["retarget_s"],
        drawn["variance_ratio"],
        drawn["start_difficulty"],
        drawn["least_difficulty"],
        drawn["burst_shares"],
        drawn["has_octaves"],
    )
    return Vardiff(settings, now_s)


def answer_after_s(drawn: Drawn, rng: Generator) -> float:
    """Draw the time that a pool takes to answer, in seconds."""
    stall_s = rng.exponential(_STALL_S) if rng.random() < drawn["stall_ratio"] else 0.0
    return float(drawn["way_s"] + rng.exponential(drawn["think_s"]) + stall_s)


def delay_small_writes(peer: Peer) -> None:
    """Let the kernel hold small segments back until earlier ones are acknowledged (Nagle, RFC 896).

    asyncio switches that off for every connection, as XMRig and cgminer do; many other programs do not.
    """
    link: socket.socket = peer.writer.get_extra_info("socket")
    if link.family == socket.AF_INET:  # a relay's end on this host holds nothing back
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
