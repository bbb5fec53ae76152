"""Resemblance: which conversations a model could not tell from stratum, and so must not be called benign."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.random import Generator

    from flowml.lab.benign.conversation import Act

NEARLY_CONSTANT = ("constant", "digits")
_LEAST_JOB_BYTES = 80
_MOST_HEARTBEAT_BYTES = 100


def unlike_mining(draw: Callable[[Generator], Mapping[str, Act]], rng: Generator) -> dict[str, Act]:
    """Draw acts anew as long as they are a miner's and a pool's."""
    while True:
        acts = dict(draw(rng))
        if not resembles_mining(acts.values()):
            return acts


def resembles_mining(acts: Iterable[Act]) -> bool:
    """Say whether acts are stratum's in all that a model could see.

    That is: the client sends messages of one size at random times, each answered at once by a smaller one of
    one size; the server pushes larger messages of nearly one size every few seconds to minutes; and at most
    a heartbeat besides.
    """
    kinds = {_kind(act) for act in acts}
    return {"share", "job"} <= kinds <= {"share", "job", "heartbeat"}


def _kind(act: Act) -> str:
    if _is_share(act):
        return "share"
    if _is_job(act):
        return "job"
    return "heartbeat" if _is_heartbeat(act) else "other"


def _is_share(act: Act) -> bool:
    return (
        not act.by_server
        and act.rhythm in {"random", "bursty"}
        and act.spread in NEARLY_CONSTANT
        and act.answer_spread in NEARLY_CONSTANT
        and 0 < act.answer_bytes < act.n_bytes
        and act.answered_ratio == 1.0
    )


def _is_job(act: Act) -> bool:
    return (
        act.by_server
        and act.spread in NEARLY_CONSTANT
        and not act.answer_bytes
        and act.n_bytes >= _LEAST_JOB_BYTES
    )


def _is_heartbeat(act: Act) -> bool:
    return (
        act.rhythm in {"steady", "jittered"}
        and act.spread == "constant"
        and act.n_bytes <= _MOST_HEARTBEAT_BYTES
    )
