"""Dashboards, shops and scripts that ask a node or a service by JSON-RPC 1.0 over HTTP, by the clock.

The same heads, the same authentication and the same manner of calling as getwork's miners (``lab.calls``):
heights, balances, peers and mempools of bitcoind and its kin, and controllers that ask a device for its
state. Some keep a second call open until there is a block (waitfornewblock), some send a transaction.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import SPREADS, log_uniform, size_of
from flowml.lab.calls import LEAST_ANEW_S, calling, draw_calls, heard, reply
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.calls import Call
    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_METHODS = (
    "getinfo",
    "getblockcount",
    "getbalance",
    "getmininginfo",
    "getpeerinfo",
    "getrawmempool",
    "listtransactions",
    "getreceivedbyaddress",
    "eth_blockNumber",
    "eth_syncing",
    "state.get",
)
_WAIT = "waitfornewblock"


def _draw(rng: Generator) -> Parameters:
    calls = draw_calls(rng)
    rhythm = draw_rhythm(rng, [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0], ("steady", "jittered", "random"))
    if calls["closes"]:
        rhythm["period_s"] = max(float(rhythm["period_s"]), LEAST_ANEW_S)
    return {
        **calls,
        **rhythm,
        "methods": int(rng.choice([1, 1, 2, 4])),
        "spaces": bool(rng.random() < 0.5),
        "params_bytes": int(rng.choice([0, 0, 34, 64])),
        "result_bytes": int(log_uniform(rng, 4, 3000)),
        "result_spread": str(rng.choice(SPREADS)),
        "is_method_constant": bool(rng.random() < 0.6),
        "think_s": round(log_uniform(rng, 0.001, 0.2), 4),
        "waits": bool(rng.random() < 0.3),
        "block_s": float(rng.choice([14.0, 60.0, 150.0, 600.0])),
        "posts_s": float(rng.choice([0.0, 0.0, 20.0, 120.0, 600.0])),
        "post_bytes": int(log_uniform(rng, 150, 2000)),
    }


@dataclass(slots=True)
class Node:
    """What is asked."""

    drawn: Mapping[str, Any]
    rng: Generator
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def find_blocks(self) -> None:
        """Let the chain grow, for ever."""
        while True:
            await asyncio.sleep(self.rng.exponential(self.drawn["block_s"]))
            async with self.news:
                self.news.notify_all()

    async def attend(self, peer: Peer) -> None:
        """Answer calls."""
        while True:
            _, body = await heard(peer)
            asked = json.loads(body)
            if asked["method"] == _WAIT:
                async with self.news:
                    await self.news.wait()
            await asyncio.sleep(self.rng.exponential(self.drawn["think_s"]))
            n_bytes = size_of(self.drawn["result_bytes"], self.drawn["result_spread"], self.rng)
            answer = {"result": text_of(n_bytes, 0, self.rng), "error": None, "id": asked["id"]}
            await reply(peer, self.drawn, json.dumps(answer).encode() + b"\n")
            if self.drawn["closes"]:
                return


@dataclass(slots=True)
class Monitor:
    """Who asks."""

    drawn: Mapping[str, Any]
    rng: Generator
    n_asked: int = 0

    async def look(self, call: Call) -> None:
        """Ask what there is to know, by the clock."""
        methods = [str(method) for method in self.rng.choice(_METHODS, self.drawn["methods"])]
        while True:
            for method in methods:
                await call("/", self._question(method, int(self.drawn["params_bytes"])))
            await pause(self.drawn, self.rng)

    async def post(self, call: Call) -> None:
        """Send something of one's own now and then."""
        while True:
            await asyncio.sleep(self.rng.exponential(self.drawn["posts_s"]))
            n_bytes = size_of(self.drawn["post_bytes"], "types", self.rng)
            await call("/", self._question("sendrawtransaction", n_bytes))

    async def wait(self, site: Site) -> None:
        """Keep a call open that is answered when there is a block, for ever."""
        async with calling(site) as call:
            while True:
                await call("/", self._question(_WAIT, 0))

    def _question(self, method: str, n_bytes: int) -> bytes:
        self.n_asked += 1
        number = 1 if self.drawn["is_method_constant"] else self.n_asked
        params = [text_of(n_bytes, 0, self.rng)] if n_bytes else []
        separators = (", ", ": ") if self.drawn["spaces"] else (",", ":")
        body = {"method": method, "params": params, "id": number}
        return json.dumps(body, separators=separators).encode()


async def _serve(site: Site, rng: Generator) -> None:
    node = Node(site.parameters, rng)
    await together(node.find_blocks(), site.listen(node.attend))


async def _visit(site: Site, rng: Generator) -> None:
    drawn, monitor = site.parameters, Monitor(site.parameters, rng)
    async with calling(site) as call:
        parts = [monitor.look(call)]
        if drawn["posts_s"]:
            parts.append(monitor.post(call))
        if drawn["waits"]:
            parts.append(monitor.wait(site))
        await together(*parts)


_MONITOR = Actor(
    "node-monitor", "cryptocurrency-rpc", _draw, _serve, _visit, ports=(8332, 9332, 8545, 80), clients=(1, 4)
)
ACTORS = (_MONITOR, over_tls(_MONITOR, (443, 8443)))
