"""What XMRig and its like say of themselves (xmrig/xmrig src/base/net/stratum/Client.cpp, Network.cpp)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.mining.identities import base58, letters, worker

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.mining.dialect import Drawn, Message

_OLD = (
    "cn/1 cn/2 cn/r cn/wow cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double cn/gpu cn-lite/1 "
    "cn-heavy/0 cn-heavy/tube cn-heavy/xhv cn-pico rx/0 rx/wow rx/loki argon2/chukwa argon2/wrkz"
)
_NEW = (
    "cn/1 cn/2 cn/r cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double cn-lite/1 cn-heavy/0 "
    "cn-heavy/tube cn-heavy/xhv cn-pico cn-pico/tlo cn/ccx rx/0 rx/wow rx/arq rx/sfx rx/keva "
    "argon2/chukwa argon2/chukwav2 argon2/wrkz astrobwt"
)
_NEWEST = (
    "cn/1 cn/2 cn/r cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double cn/ccx cn-lite/1 cn-heavy/0 "
    "cn-heavy/tube cn-heavy/xhv cn-pico cn-pico/tlo cn/upx2 rx/0 rx/wow rx/arq rx/graft rx/sfx rx/yada "
    "argon2/chukwa argon2/chukwav2 argon2/ninja ghostrider"
)
ALGORITHMS: dict[str, list[str]] = {
    "none": [],
    "monero": ["rx/0"],
    "old": _OLD.split(),
    "new": _NEW.split(),
    "new-gpu": [*_NEW.split(), "kawpow"],
    "newest": _NEWEST.split(),
}
"""What XMRig's generations say they can mine, in their order."""

_AGENTS = {
    "none": (
        "xmr-stak-cpu/1.3.0-1.5.0",
        "cpuminer-multi/1.3.7",
        "XMRig/2.8.3 (Linux x86_64) libuv/1.8.0 gcc/5.4.0",
    ),
    "monero": ("SRBMiner-MULTI/2.4.7", "xmrigCC/3.4.0 (Windows NT 10.0; Win64; x64)", "Teamredminer/0.10.21"),
    "old": (
        "XMRig/3.2.0 (Macintosh; Intel Mac OS X) libuv/1.31.0 clang/10.0.1",
        "XMRig/3.1.2 (Macintosh; Intel Mac OS X) libuv/1.27.0 clang/10.0.1",
    ),
    "new": (
        "XMRig/6.8.1 (Macintosh; macOS; arm64) libuv/1.40.0 clang/12.0.0",
        "XMRig/6.11.1 (Linux x86_64) libuv/1.41.0 gcc/9.3.0",
        "XMRig/6.11.2 (Windows NT 10.0; Win64; x64) libuv/1.41.0 msvc/2019",
        "XMRig/5.11.2 (Windows NT 10.0; Win64; x64) libuv/1.38.0 gcc/9.3.0",
    ),
    "new-gpu": ("XMRig/6.11.2 (Windows NT 10.0; Win64; x64) libuv/1.41.0 msvc/2019",),
    "newest": (
        "XMRig/6.16.4 (Linux x86_64) libuv/1.43.0 gcc/9.4.0",
        "XMRig/6.21.3 (Linux aarch64) libuv/1.48.0 gcc/13.2.1",
        "XMRig/6.22.2 (Linux x86_64) libuv/1.49.2 gcc/13.2.1",
    ),
}
_MEASURED = (
    ("old", "XMRig/3.2.0 (Macintosh; Intel Mac OS X) libuv/1.31.0 clang/10.0.1", 4),
    ("old", "XMRig/3.2.0 (Macintosh; Intel Mac OS X) libuv/1.31.0 clang/10.0.1", 4),
    ("old", "XMRig/3.1.2 (Macintosh; Intel Mac OS X) libuv/1.27.0 clang/10.0.1", 14),
    ("new", "XMRig/6.11.1 (Linux x86_64) libuv/1.41.0 gcc/9.3.0", 5),
    ("new", "XMRig/6.8.1 (Macintosh; macOS; x86_64) libuv/1.40.0 clang/10.0.0", 10),
    ("new", "XMRig/6.11.2 (Windows NT 10.0; Win64; x64) libuv/1.41.0 msvc/2019", 7),
    ("new-gpu", "XMRig/6.11.2 (Windows NT 10.0; Win64; x64) libuv/1.41.0 msvc/2019", 4),
)
"""Generation, agent and length of the worker's name of the miners in the captures that were fitted to."""


def login(drawn: Drawn, rng: Generator) -> Message:
    """Draw a miner's first message."""
    if drawn["any_miner"]:
        name, kind = worker(rng), str(rng.choice(list(ALGORITHMS)))
        agents = _AGENTS[kind]
    else:
        kind, agent, n_letters = _MEASURED[rng.integers(len(_MEASURED))]
        name = letters(n_letters, rng)
        agents = (agent,)
    if drawn["workers"] > 1:
        agents = ("xmrig-proxy/6.22.0", "xmrig-proxy/5.10.1")
    wallet = "4" + base58(int(rng.choice([94, 94, 105])) if drawn["any_miner"] else 94, rng)
    params: dict[str, object] = {
        "login": wallet + (f".{name}" if name else ""),
        "pass": str(rng.choice(["x", "x", "x", name or "x", "d=10000"])) if drawn["any_miner"] else "x",
        "agent": str(rng.choice(agents)),
    }
    if drawn["any_miner"] and rng.random() < 0.15:
        params["rigid"] = name
    if ALGORITHMS[kind]:
        params["algo"] = ALGORITHMS[kind]
    return {"id": 1, **envelope(drawn), "method": "login", "params": params}


def envelope(drawn: Drawn) -> Message:
    """Build what all of a miner's messages hold, with most miners."""
    return {"jsonrpc": "2.0"} if drawn["jsonrpc"] else {}
