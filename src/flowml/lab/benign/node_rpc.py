"""A wallet or dashboard that asks a node over HTTP JSON-RPC for blocks and balances, and does not mine."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_METHODS = {
    "eth_blockNumber": 0,
    "eth_getBalance": 44,
    "eth_getBlockByNumber": 10,
    "getblockcount": 0,
    "get_info": 0,
    "getrawmempool": 0,
}


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [1.0, 4.0, 12.0, 30.0, 60.0], ("steady", "jittered", "random")),
        "methods": int(rng.choice([1, 1, 2, 4])),
        "result_bytes": int(rng.choice([8, 18, 66, 600, 4000])),
        "result_spread_bytes": int(rng.choice([0, 2, 400])),
        "think_s": float(rng.uniform(0.001, 0.2)),
        "head_bytes": int(rng.integers(0, 300)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            request = json.loads(await peer.http_body())
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            result = "0x" + text_of(drawn["result_bytes"], drawn["result_spread_bytes"], rng)
            body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result})
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            await peer.send((head + body).encode())

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    agent, number = text_of(drawn["head_bytes"], 0, rng), 0
    methods = [str(method) for method in rng.choice(list(_METHODS), size=drawn["methods"])]
    async with site.connected() as peer:
        while True:
            for method in methods:
                number += 1
                params = ["0x" + text_of(_METHODS[method], 0, rng)] if _METHODS[method] else []
                body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
                head = f"POST / HTTP/1.1\r\nHost: {site.server_name()}\r\nUser-Agent: {agent}\r\n"
                await peer.send(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
                await peer.http_body()
            await pause(drawn, rng)


_NODE_RPC = Actor(
    "node-rpc", "cryptocurrency-rpc", _draw, _serve, _visit, ports=(8545, 8332, 18081), clients=(1, 3)
)
ACTORS = (_NODE_RPC, over_tls(_NODE_RPC, (443,)))
