"""Sessions of business databases: chains of small statements, a commit at their end, silence between.

DRDA (Db2): a commit has 10 bytes and its answer 54, statements 80 to 700, behind a header of 6 bytes each
(Open Group DRDA, DDM structures). TDS (MS-TDS): packets with a header of 8 bytes, a batch in UTF-16 with 22
more before it. Oracle's TNS: a header of 8 or 10 bytes, calls of 20 to 400. Programs say the same few
statements again and again, so that each chain is of constant sizes but for the values in it. Pools check
an idle session with one constant statement every 30 to 60 s, or before each use (HikariCP, Oracle UCP, IIS).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.framing import marked, read_framed
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_COMMITS = ((10, 54), (10, 54), (34, 21), (36, 29), (13, 17), (22, 40))
_MOST_BYTES = 60_000


def _draw(rng: Generator) -> Parameters:
    commit = _COMMITS[int(rng.integers(len(_COMMITS)))]
    commits, validates = rng.random() < 0.8, rng.random() < 0.5
    drawn: dict[str, bool | float | int | str] = {
        **draw_rhythm(rng, [0.5, 2.0, 6.0, 18.0, 18.0, 45.0]),
        "login": _chain(rng, int(rng.integers(2, 6))),
        "value_spread": str(rng.choice(["constant", "constant", "digits"])),
        "answer_spread": str(rng.choice(["constant", "digits", "types"])),
        "think_s": round(log_uniform(rng, 0.001, 0.08), 4),
        "validate_s": float(rng.choice([30.0, 30.0, 60.0])) if validates else 0.0,
        "validation": written([(int(rng.integers(20, 90)), int(rng.integers(20, 140)))]),
        "commit": written([commit] if commits else []),
    }
    for number in range(int(rng.choice([1, 1, 2, 4]))):
        drawn[f"chain{number}"] = _chain(rng, int(rng.choice([0 if commits else 1, 1, 1, 2, 5])))
    return drawn


def _chain(rng: Generator, n_statements: int) -> str:
    return written(
        (int(log_uniform(rng, 20, 700)), int(log_uniform(rng, 11, 1500))) for _ in range(n_statements)
    )


def written(chain: Iterable[tuple[int, int]]) -> str:
    """Write the sizes of statements and answers as a parameter: ``"329/412 10/54"``."""
    return " ".join(f"{asked}/{answered}" for asked, answered in chain)


def chain_of(text: str) -> list[tuple[int, int]]:
    """Read what ``written`` wrote."""
    return [
        (int(asked), int(answered)) for asked, _, answered in (pair.partition("/") for pair in text.split())
    ]


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            wanted = int.from_bytes((await read_framed(peer))[:2], "big")  # the size to answer with
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            n_bytes = size_of(wanted, drawn["answer_spread"], rng)
            await peer.send(marked(b"", min(n_bytes, _MOST_BYTES), rng))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    chains = [chain_of(text) for name, text in drawn.items() if name.startswith("chain")]
    commit, validation = chain_of(drawn["commit"]), chain_of(drawn["validation"])
    async with site.connected() as peer:
        await _say(peer, chain_of(drawn["login"]), drawn, rng)
        in_use = asyncio.Lock()  # a session does one thing at a time

        async def work() -> None:
            while True:
                await pause(drawn, rng)
                async with in_use:
                    await _say(peer, chains[int(rng.integers(len(chains)))] + commit, drawn, rng)

        async def validate() -> None:
            while drawn["validate_s"]:
                await asyncio.sleep(drawn["validate_s"])
                async with in_use:
                    await _say(peer, validation, drawn, rng)

        await together(work(), validate())


async def _say(
    peer: Peer, chain: Iterable[tuple[int, int]], drawn: Mapping[str, Any], rng: Generator
) -> None:
    for asked, answered in chain:
        n_bytes = size_of(asked, drawn["value_spread"], rng)
        await peer.send(marked(answered.to_bytes(2, "big"), n_bytes, rng))
        await read_framed(peer)


_SESSIONS = Actor(
    "transactions", "database", _draw, _serve, _visit, ports=(50000, 1433, 1521, 446), clients=(3, 8)
)
ACTORS = (_SESSIONS, over_tls(_SESSIONS, (50001, 1433, 2484)))
