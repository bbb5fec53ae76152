"""DNS in TLS (RFC 7858): questions and answers filled up to constant sizes, on a connection that is kept.

Questions are padded to multiples of 128 bytes and answers to multiples of 468 (RFC 8467); without padding
they are as long as the names. Questions do not wait for the answers before them, and answers come as they
are known, in any order (RFC 7766, 6.2.1.1 and 7): from the cache at once, from elsewhere after a while. A
person's device asks for the names of pages, others for the same name by the clock. Either side closes what
was idle for some seconds (telephones: 20 to 30) to some minutes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.browsing import browse, draw_browsing
from flowml.lab.benign.dns import question
from flowml.lab.benign.framing import packed, read_framed
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

QUESTION_BLOCK_BYTES, ANSWER_BLOCK_BYTES = 128, 468
_FAMILIES = 2  # a name is asked for with both kinds of addresses


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [2.0, 10.0, 30.0, 60.0]),
        **draw_browsing(rng),
        **draw_answers(rng),
        "is_person": bool(rng.random() < 0.7),
        "pads": bool(rng.random() < 0.6),
        "both_ratio": float(rng.choice([0.0, 0.3, 1.0])),
        "patience_s": float(rng.choice([10.0, 20.0, 30.0, 60.0, 60.0, 120.0, 300.0, 300.0])),
    }


def draw_answers(rng: Generator) -> Parameters:
    """Draw what ``answer_after_s`` and ``answer_bytes`` read, and what a question holds besides its name."""
    return {
        "answer_bytes": int(rng.integers(40, 300)),
        "known_ratio": round(float(rng.uniform(0.4, 0.95)), 2),
        "known_s": round(log_uniform(rng, 0.0005, 0.02), 4),
        "unknown_s": round(log_uniform(rng, 0.02, 0.3), 3),
        "option_bytes": int(rng.choice([0, 11, 11, 23])),  # EDNS (RFC 6891), with a cookie (RFC 7873)
    }


def padded(n_bytes: int, block_bytes: int) -> int:
    """Size of a message that is filled up to a multiple of ``block_bytes``."""
    return -(-n_bytes // block_bytes) * block_bytes


def answer_after_s(drawn: Mapping[str, Any], rng: Generator) -> float:
    """Draw how long the resolver takes, in seconds."""
    return float(rng.exponential(drawn["known_s" if rng.random() < drawn["known_ratio"] else "unknown_s"]))


def answer_bytes(asked_bytes: int, drawn: Mapping[str, Any], rng: Generator) -> int:
    """Draw the size of an answer: the question again, and some addresses."""
    n_bytes = min(asked_bytes, 60) + drawn["answer_bytes"] + 16 * int(rng.poisson(1.0))
    return padded(n_bytes, ANSWER_BLOCK_BYTES) if drawn["pads"] else n_bytes


def asked(drawn: Mapping[str, Any], rng: Generator) -> bytes:
    """Build a question for a name of a length that is drawn, padded where the client pads."""
    name = f"{'x' * int(rng.integers(2, 30))}.service.example"
    bare = question(int(rng.integers(2**16)), name)[2:] + bytes(drawn["option_bytes"])
    return bare + bytes(padded(len(bare), QUESTION_BLOCK_BYTES) - len(bare) if drawn["pads"] else 0)


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        async with asyncio.TaskGroup() as answers:
            while True:
                async with asyncio.timeout(drawn["patience_s"]):  # TimeoutError is an OSError: it closes
                    n_bytes = len(await read_framed(peer))
                answers.create_task(_answer(peer, n_bytes, drawn, rng))

    await site.listen(attend)


async def _answer(peer: Peer, asked_bytes: int, drawn: Mapping[str, Any], rng: Generator) -> None:
    await asyncio.sleep(answer_after_s(drawn, rng))
    await peer.send(packed(rng.bytes(answer_bytes(asked_bytes, drawn, rng))))


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:

        async def ask(n_names: int) -> None:
            for _ in range(n_names * (_FAMILIES if rng.random() < drawn["both_ratio"] else 1)):
                await peer.send(packed(asked(drawn, rng)))

        wanted = browse(ask, drawn, rng) if drawn["is_person"] else _ask_by_the_clock(peer, drawn, rng)
        await together(wanted, _listen(peer))


async def _ask_by_the_clock(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await peer.send(packed(asked(drawn, rng)))
        await pause(drawn, rng)


async def _listen(peer: Peer) -> None:
    while True:
        await read_framed(peer)


ACTORS = (
    over_tls(Actor("dns-sealed", "dns", _draw, _serve, _visit, ports=(853,), clients=(3, 8)), (853, 443)),
)
