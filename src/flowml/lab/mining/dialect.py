"""What a family of stratum says; ``pool`` and ``miner`` hold the course that all families share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

Message = dict[str, Any]
Drawn = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """What a pool tells a miner to do."""

    difficulty: float
    is_new_difficulty: bool
    is_new_block: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What a miner learns from a message, or knows so far: what is empty was not said."""

    job: str = ""
    difficulty: float = 0.0
    name: str = ""
    """What the pool calls the miner, where it does."""

    keeps_alive: bool = False
    """Whether the pool wants signs of life."""

    must_leave: bool = False
    """Whether the pool sent the miner away, to come again."""

    def and_then(self, news: Heard) -> Heard:
        """Add what a later message said."""
        return Heard(
            news.job or self.job,
            news.difficulty or self.difficulty,
            news.name or self.name,
            news.keeps_alive or self.keeps_alive,
            news.must_leave,
        )


Timer = tuple[float, Callable[[int, "Generator"], Message]]
"""Period in seconds, and builder of a numbered message."""


def _no_timers(drawn: Drawn) -> Sequence[Timer]:
    del drawn
    return ()


def _no_reply(asked: Message, drawn: Drawn) -> Message | None:
    del asked, drawn
    return None


def refusal(request: Message) -> Message:
    """Build the answer to a login of somebody whom the pool does not know, or has banned."""
    return {"id": request["id"], "result": None, "error": [24, "Unauthorized worker", None]}


def _method(message: Message) -> str:
    return str(message.get("method", ""))  # a miner's answer to the pool's question has none


@dataclass(frozen=True, slots=True)
class Dialect:
    """The messages of a family. All get the instance's parameters and a generator.

    Attributes
    ----------
    opening
        Requests with which a miner starts; each waits for the answer to the one before.
    answer
        The pool's answer to a request that is no share, with the work it would give out now; None where the
        request wants none.
    work
        The messages that give out work.
    share
        The message with a share, from its number and what the miner knows.
    verdict
        The pool's answer to a share: the request, whether it is accepted.
    heed
        What a miner learns from a message.
    login_method, share_method
        Names of the request after which a pool begins to give out work, and of the one that carries a share.
    answers_with_work
        The answer to the login carries the first work already.
    timers
        What a miner sends besides, by the clock.
    keep_alive
        A miner's sign of life, from its number and what the miner knows; None where there is none.
    keep_alive_s
        Time after which a miner that sent nothing gives it.
    notice
        What a pool tells its miners' owners; None where it cannot.
    reply
        The miner's answer to what the pool asked; None where it asked nothing.
    refusal
        The pool's answer to a login that it refuses.
    kind
        What kind of request a miner's message is: its method, in all dialects but one.
    """

    opening: Callable[[Drawn, Generator], Sequence[Message]]
    answer: Callable[[Message, Work, Drawn, Generator], Message | None]
    work: Callable[[Work, Drawn, Generator], Sequence[Message]]
    share: Callable[[int, Heard, Drawn, Generator], Message]
    verdict: Callable[[Message, bool, Drawn, Generator], Message]
    heed: Callable[[Message], Heard]
    login_method: str
    share_method: str
    answers_with_work: bool = False
    timers: Callable[[Drawn], Sequence[Timer]] = _no_timers
    keep_alive: Callable[[int, Heard], Message] | None = None
    keep_alive_s: float = 60.0  # kKeepAliveTimeout in XMRig's Pool.h
    notice: Callable[[Generator], Message] | None = None
    reply: Callable[[Message, Drawn], Message | None] = _no_reply
    refusal: Callable[[Message], Message] = refusal
    kind: Callable[[Message], str] = _method


def encoded(messages: Sequence[Message], with_spaces: bool) -> bytes:
    """Lines of JSON, in the style of Python's and cgminer's (with spaces) or of most others (without)."""
    separators = (", ", ": ") if with_spaces else (",", ":")
    return b"".join(json.dumps(message, separators=separators).encode() + b"\n" for message in messages)


def numbered(calls: Sequence[tuple[str, Sequence[object]]]) -> list[Message]:
    """Number requests from 1, as cgminer and most miners do."""
    return [
        {"id": n, "method": method, "params": list(params)} for n, (method, params) in enumerate(calls, 1)
    ]


def pushed(method: str, params: Sequence[object]) -> Message:
    """Build what nobody asked for; its id is null."""
    return {"id": None, "method": method, "params": list(params)}


def result(request: Message, value: object) -> Message:
    """Build the answer to a request."""
    return {"id": request["id"], "result": value, "error": None}


def verdict(request: Message, is_accepted: bool, drawn: Drawn, rng: Generator) -> Message:
    """Build the answer to a share as slush's first pool did, which most have kept."""
    del drawn
    errors = ([21, "Job not found", None], [22, "Duplicate share", None], [23, "Low difficulty share", None])
    error = None if is_accepted else errors[rng.integers(len(errors))]
    return {"id": request["id"], "result": is_accepted or None, "error": error}


def notice(rng: Generator) -> Message:
    """Build a word to the owner, or the order to connect again (cgminer, client.show_message and others)."""
    if rng.random() < 0.5:
        return pushed(
            "client.show_message", ["Welcome! " + "Maintenance tonight. " * int(rng.integers(0, 5))]
        )
    return pushed("client.reconnect", ["", 0, int(rng.integers(0, 5))])


def heed(message: Message) -> Heard:
    """Read a job, a difficulty or an order to leave, as all dialects with mining.notify say it."""
    method, params = message.get("method"), message.get("params")
    if method == "client.reconnect":
        return Heard(must_leave=True)
    if method == "mining.notify" and params:
        return Heard(job=str(params[0]))
    if method == "mining.set_difficulty" and params:
        return Heard(difficulty=float(params[0]))
    return Heard()
