"""One question again and again over HTTP, on a connection that is kept: the same bytes, the same answer.

Certificates' states (OCSP, RFC 6960: a request of some 75 bytes, an answer of 471 or 313 for each of a chain,
the same until it is signed anew); whether the net is there (an empty page or 204, asked by telephones);
printers (IPP, RFC 8011: Get-Printer-Attributes of 200 to 500 bytes while a dialogue or a driver looks);
bridges of lamps and meters that are read by the clock; devices that ask their cloud every 5 s whether
there is something to do, in cookies of a kilobyte. Sometimes the answer is another for once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http_messages import request, response
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    drawn: dict[str, bool | float | int | str] = {
        **draw_rhythm(rng, [1.0, 5.0, 5.0, 10.0, 30.0, 60.0, 90.0]),
        "questions": int(rng.choice([1, 1, 1, 2, 3])),
        "at_once": float(rng.choice([1.0, 1.0, 1.5, 3.0])),
        "posts": bool(rng.random() < 0.5),
        "fields_bytes": int(log_uniform(rng, 30, 900)),
        "answer_fields_bytes": int(log_uniform(rng, 20, 600)),
        "news_ratio": float(rng.choice([0.0, 0.0, 0.02, 0.1])),
        "think_s": round(log_uniform(rng, 0.001, 0.2), 4),
        "patience_s": float(rng.choice([60.0, 120.0, 300.0, 600.0])),
    }
    for number in range(3):
        drawn[f"question{number}_bytes"] = int(log_uniform(rng, 60, 600)) if drawn["posts"] else 0
        drawn[f"answer{number}_bytes"] = int(
            rng.choice([0, 1, 2, 20, 313, 471, int(log_uniform(rng, 60, 6000))])
        )
    return drawn


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            async with asyncio.timeout(drawn["patience_s"]):  # TimeoutError is an OSError: it closes
                number = int((await peer.line()).split(b"/")[1][:1])
                await peer.http_body()
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            n_bytes = drawn[f"answer{number}_bytes"]
            if rng.random() < drawn["news_ratio"]:
                n_bytes += int(log_uniform(rng, 10, 2000))
            fields = f"ETag: {'e' * drawn['answer_fields_bytes']}\r\n"
            await peer.send(response(bytes(n_bytes), fields))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    method, fields = "POST" if drawn["posts"] else "GET", f"Cookie: {'c' * drawn['fields_bytes']}\r\n"
    async with site.connected() as peer:
        while True:
            number = int(rng.integers(drawn["questions"]))
            body = bytes(drawn[f"question{number}_bytes"])
            for _ in range(int(rng.geometric(1.0 / drawn["at_once"]))):
                await peer.send(request(method, site.server_name(), f"/{number}", body, fields))
                await peer.http_body()
            await pause(drawn, rng)


_REPEATED = Actor("http-repeated", "http", _draw, _serve, _visit, ports=(80, 631, 8080), clients=(3, 8))
ACTORS = (_REPEATED, over_tls(_REPEATED, (443, 631, 8443)))
