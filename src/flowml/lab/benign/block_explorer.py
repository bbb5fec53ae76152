"""Block explorers: what happens on a chain, pushed to pages and shops that watch it.

A subscription to blocks, to all transactions or to some addresses, then pushes for each; pages ping every 10
to 60 s and are answered with a message of constant size (blockchain.com's and mempool.space's WebSocket
interfaces, insight's socket.io). The same chains, so the same block times, as mining has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.actor import over_tls
from flowml.lab.benign.conversation import Act, Opening, conversation, written
from flowml.lab.benign.resemblance import unlike_mining
from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Parameters

_BLOCKS_S = (14.0, 60.0, 75.0, 120.0, 150.0, 600.0)


def _draw(rng: Generator) -> Parameters:
    opening = Opening(
        int(rng.choice([2, 3, 4])),
        int(log_uniform(rng, 20, 400)),
        welcome_bytes=int(log_uniform(rng, 20, 900)),
    )
    return written(unlike_mining(_acts, rng), opening, float(rng.choice([0.0, 0.2])))


def _acts(rng: Generator) -> dict[str, Act]:
    acts = {
        "block": Act(
            by_server=True,
            period_s=float(rng.choice(_BLOCKS_S)),
            rhythm="random",
            n_bytes=int(log_uniform(rng, 60, 3000)),
            spread=str(rng.choice(["constant", "digits", "digits", "lognormal"])),
        ),
        "ping": Act(
            by_server=bool(rng.random() < 0.3),
            period_s=float(rng.choice([10.0, 20.0, 25.0, 30.0, 30.0, 60.0])),
            n_bytes=int(rng.choice([3, 6, 13, 15])),
            answer_bytes=int(rng.choice([3, 6, 13, 60])),
            think_s=0.003,
        ),
    }
    if rng.random() < 0.7:
        acts["transaction"] = Act(
            by_server=True,
            period_s=round(log_uniform(rng, 0.3, 120.0), 2),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 200, 1500)),
            spread=str(rng.choice(["types", "lognormal", "digits"])),
        )
    if rng.random() < 0.4:  # somebody looks something up
        acts["question"] = Act(
            by_server=False,
            period_s=round(log_uniform(rng, 10.0, 600.0), 1),
            rhythm=str(rng.choice(["random", "bursty"])),
            n_bytes=int(log_uniform(rng, 40, 150)),
            answer_bytes=int(log_uniform(rng, 100, 8000)),
            answer_spread=str(rng.choice(["lognormal", "types", "constant"])),
            think_s=round(log_uniform(rng, 0.005, 0.3), 4),
        )
    return acts


_EXPLORER = conversation("block-explorer", "cryptocurrency-wallet", _draw, ports=(80, 8080), clients=(2, 5))
ACTORS = (_EXPLORER, over_tls(_EXPLORER, (443, 8443)))
