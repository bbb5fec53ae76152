"""Conversations: what two sides say again and again, of which most long-lived connections are made.

A heartbeat, a report, a push, a command and its confirmation are all the same act with other numbers: one
side sends a message by some rhythm, the other may answer. A connection is an opening and a few such acts side
by side. An actor that draws its acts needs to say no more than ``conversation(...)``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters
from flowml.lab.benign.framing import marked, read_framed
from flowml.lab.benign.sizes import size_of
from flowml.lab.rhythm import pause_s, together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_ANSWER, _HELLO = 0x80, b"\x7f"  # what the byte before a message means, besides the number of its act


@dataclass(frozen=True, slots=True)
class Act:
    """Something that one side does again and again.

    Attributes
    ----------
    by_server
        The server does it; otherwise the client.
    period_s, rhythm
        As ``rhythm.pause_s`` reads them.
    n_bytes, spread
        Size of the message, as ``sizes.size_of`` reads them; at least 3 bytes.
    answer_bytes, answer_spread
        The same of the answer; 0 means that there is none.
    answered_ratio
        Share of the messages that are answered.
    think_s
        Mean time that the answer takes.
    waits
        The next message is not sent before the answer to this one came, as in long polling.
    run, run_gap_s
        Mean number of messages in a row, and the mean time between them.
    """

    by_server: bool
    period_s: float
    rhythm: str = "steady"
    n_bytes: int = 40
    spread: str = "constant"
    answer_bytes: int = 0
    answer_spread: str = "constant"
    answered_ratio: float = 1.0
    think_s: float = 0.005
    waits: bool = False
    run: float = 1.0
    run_gap_s: float = 0.15


@dataclass(frozen=True, slots=True)
class Opening:
    """How a connection begins: rounds of a message of the client and the answer of the server.

    ``has_banner``: the server speaks first, before any round, as mail servers and databases do.
    """

    rounds: int = 1
    hello_bytes: int = 120
    hello_spread: str = "digits"
    welcome_bytes: int = 60
    welcome_spread: str = "digits"
    has_banner: bool = False


def written(acts: Mapping[str, Act], opening: Opening, clients_differ: float = 0.0) -> Parameters:
    """Write acts and opening as the parameters of an instance, for the manifest and for ``conversation``.

    ``clients_differ`` is the spread (of the logarithm) by which the clients' own periods differ.
    """
    flat: dict[str, bool | float | int | str] = {"clients_differ": clients_differ}
    parts: dict[str, Act | Opening] = {"opening": opening, **acts}
    for name, part in parts.items():
        flat |= {f"{name}.{each.name}": getattr(part, each.name) for each in fields(part)}
    return flat


def acts_of(drawn: Mapping[str, Any]) -> list[Act]:
    """Read the acts back; the order is the same on both sides."""
    names = sorted(key.partition(".")[0] for key in drawn if key.endswith(".by_server"))
    return [Act(**_part(drawn, name)) for name in names]


def conversation(
    name: str,
    family: str,
    draw: Callable[[Generator], Parameters],
    ports: tuple[int, ...],
    clients: tuple[int, int] = (2, 5),
) -> Actor:
    """Make an actor whose connections are the conversation that ``draw`` wrote."""
    return Actor(name, family, draw, _serve, _visit, ports=ports, clients=clients)


@dataclass(slots=True)
class _Side:
    peer: Peer
    acts: list[Act]
    rng: Generator
    answered: dict[int, asyncio.Event] = field(default_factory=dict)

    async def converse(self, *, is_server: bool) -> None:
        """Play one side until the connection breaks."""
        own = [self._perform(n, act) for n, act in enumerate(self.acts) if act.by_server == is_server]
        await together(self._listen(), *own)

    async def _perform(self, number: int, act: Act) -> None:
        answered = self.answered.setdefault(number, asyncio.Event())
        while True:
            await asyncio.sleep(pause_s(act.period_s, act.rhythm, self.rng))
            for left in range(int(self.rng.geometric(1.0 / act.run)), 0, -1):
                answered.clear()
                await self._send(number, size_of(act.n_bytes, act.spread, self.rng))
                if act.waits:
                    await answered.wait()
                if left > 1:
                    await asyncio.sleep(self.rng.exponential(act.run_gap_s))

    async def _listen(self) -> None:
        async with asyncio.TaskGroup() as answers:
            while True:
                kind = (await read_framed(self.peer))[0]
                if kind & _ANSWER:
                    self.answered[kind - _ANSWER].set()
                elif self._answers(self.acts[kind]):
                    answers.create_task(self._answer(kind, self.acts[kind]))

    def _answers(self, act: Act) -> bool:
        return bool(act.answer_bytes) and (act.waits or self.rng.random() < act.answered_ratio)

    async def _answer(self, number: int, act: Act) -> None:
        await asyncio.sleep(self.rng.exponential(act.think_s))
        await self._send(number | _ANSWER, size_of(act.answer_bytes, act.answer_spread, self.rng))

    async def _send(self, kind: int, n_bytes: int) -> None:
        await self.peer.send(marked(bytes([kind]), n_bytes, self.rng))


def _part(drawn: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key.partition(".")[2]: value for key, value in drawn.items() if key.startswith(f"{name}.")}


def _opening(site: Site) -> Opening:
    return Opening(**_part(site.parameters, "opening"))


async def _serve(site: Site, rng: Generator) -> None:
    acts, opening = acts_of(site.parameters), _opening(site)

    async def attend(peer: Peer) -> None:
        for number in range(opening.has_banner + opening.rounds):
            if number or not opening.has_banner:
                await read_framed(peer)
            await peer.send(marked(_HELLO, size_of(opening.welcome_bytes, opening.welcome_spread, rng), rng))
        await _Side(peer, acts, rng).converse(is_server=True)

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    opening = _opening(site)
    pace = float(rng.lognormal(0.0, site.parameters["clients_differ"]))
    acts = [
        act if act.by_server else replace(act, period_s=act.period_s * pace)
        for act in acts_of(site.parameters)
    ]
    async with site.connected() as peer:
        for number in range(opening.has_banner + opening.rounds):
            if number or not opening.has_banner:
                hello_bytes = size_of(opening.hello_bytes, opening.hello_spread, rng)
                await peer.send(marked(_HELLO, hello_bytes, rng))
            await read_framed(peer)
        await _Side(peer, acts, rng).converse(is_server=False)
