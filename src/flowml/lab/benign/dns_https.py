"""DNS over HTTPS (RFC 8484): small requests in HTTP/2, answered at once or after a while, side by side.

A question is in the body of a POST, or in the path of a GET in base64url. Fields that were sent before are
an index of a byte or two (RFC 7541), so that the first request is the longest and all others are nearly of
one size; filled up (RFC 8467), question and answer are of one size, too. Browsers keep the connection while
it is used, some with a ping when nothing comes; servers close what was idle for 10 s to some minutes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.browsing import browse, draw_browsing
from flowml.lab.benign.dns_sealed import answer_after_s, answer_bytes, asked, draw_answers
from flowml.lab.benign.http2 import (
    WINDOW_UPDATE,
    Received,
    frame,
    heed,
    message,
    open_as_client,
    open_as_server,
    ping,
)
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_IN_A_PATH = 1.1
"""Bytes that a byte of the question takes in a path: 4/3 in base64url, of 6.6 bits each in Huffman's code."""


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [2.0, 10.0, 30.0, 60.0]),
        **draw_browsing(rng),
        **draw_answers(rng),
        "is_person": bool(rng.random() < 0.8),
        "pads": bool(rng.random() < 0.5),
        "posts": bool(rng.random() < 0.6),
        "first_fields_bytes": int(rng.integers(80, 260)),
        "fields_bytes": int(rng.integers(8, 60)),
        "answer_fields_bytes": int(rng.integers(10, 120)),
        "settings": int(rng.integers(2, 7)),
        "credits": bool(rng.random() < 0.4),
        "ping_s": float(rng.choice([0.0, 0.0, 15.0, 45.0, 58.0])),
        "patience_s": float(rng.choice([10.0, 30.0, 60.0, 120.0, 300.0])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        async def answer(request: Received) -> None:
            await asyncio.sleep(answer_after_s(drawn, rng))
            n_bytes = answer_bytes(request.fields_bytes + request.body_bytes, drawn, rng)
            await peer.send(message(drawn["answer_fields_bytes"], n_bytes, rng))

        await open_as_server(peer, drawn["settings"])
        await heed(peer, drawn["patience_s"], answer)

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        n_asked = 0

        async def ask(n_names: int) -> None:
            nonlocal n_asked
            for _ in range(n_names):
                fields_bytes = drawn["fields_bytes" if n_asked else "first_fields_bytes"]
                n_bytes = len(asked(drawn, rng))
                in_path = 0 if drawn["posts"] else int(_IN_A_PATH * n_bytes)
                await peer.send(message(fields_bytes + in_path, 0 if in_path else n_bytes, rng))
                n_asked += 1

        async def give_credit(response: Received) -> None:
            if drawn["credits"]:
                await peer.send(frame(WINDOW_UPDATE, 0, response.body_bytes.to_bytes(4, "big")))

        async def ask_by_the_clock() -> None:
            while True:
                await ask(1)
                await pause(drawn, rng)

        await open_as_client(peer, drawn["settings"])
        await together(
            browse(ask, drawn, rng) if drawn["is_person"] else ask_by_the_clock(),
            heed(peer, 2 * drawn["patience_s"], give_credit),
            ping(peer, drawn["ping_s"], rng),
        )


ACTORS = (over_tls(Actor("dns-https", "dns", _draw, _serve, _visit, ports=(80,), clients=(3, 8)), (443,)),)
