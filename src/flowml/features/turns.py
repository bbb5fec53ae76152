"""Who speaks after whom: what answers what, and what nobody asked for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowml.features.messages import Messages

NEVER_MS = np.int64(1) << np.int64(40)
"""Stands for "no such message": longer than any connection."""


@dataclass(frozen=True)
class Turns:
    """Times between neighbouring messages, each of shape (n_messages,), milliseconds.

    Attributes
    ----------
    since_same_ms : ndarray of int64
        Since the previous message of the same direction began; `NEVER_MS` without one.
    since_other_ms : ndarray of int64
        Since the newest message of the other direction ended; `NEVER_MS` without one.
    until_other_ms : ndarray of int64
        Until the next message of the other direction begins; `NEVER_MS` without one.
    since_any_ms : ndarray of int64
        Since the previous message of either direction began; `NEVER_MS` without one.
    next_other : ndarray of int64
        Index of the next message of the other direction; -1 without one.
    """

    since_same_ms: NDArray[np.int64]
    since_other_ms: NDArray[np.int64]
    until_other_ms: NDArray[np.int64]
    since_any_ms: NDArray[np.int64]
    next_other: NDArray[np.int64]


def turns(messages: Messages) -> Turns:
    """Relate each message to its neighbours within its observation."""
    previous = {side: _previous(messages, messages.from_client == side) for side in (True, False)}
    following = {side: _following(messages, messages.from_client == side) for side in (True, False)}
    client = messages.from_client
    same = np.where(client, previous[True], previous[False])
    other = np.where(client, previous[False], previous[True])
    after = np.where(client, following[False], following[True])
    before = np.maximum(same, other)
    return Turns(
        since_same_ms=_span(messages, messages.time_ms, same),
        since_other_ms=_span(messages, messages.end_ms, other),
        until_other_ms=np.where(after >= 0, messages.time_ms[after] - messages.end_ms, NEVER_MS),
        since_any_ms=_span(messages, messages.time_ms, before),
        next_other=after,
    )


def _span(messages: Messages, from_ms: NDArray[np.int64], earlier: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(earlier >= 0, messages.time_ms - from_ms[earlier], NEVER_MS)


def _previous(messages: Messages, which: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Index of the newest message of a kind before each one, in its observation; -1 without one."""
    if not len(messages):
        return np.zeros(0, np.int64)
    index = np.where(which, np.arange(len(messages)), -1)
    newest = np.concatenate([np.full(1, -1), np.maximum.accumulate(index)[:-1]])
    inside = (newest >= 0) & (messages.observation[newest] == messages.observation)
    return np.where(inside, newest, -1)


def _following(messages: Messages, which: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Index of the next message of a kind after each one, in its observation; -1 without one."""
    n = len(messages)
    if not n:
        return np.zeros(0, np.int64)
    index = np.where(which, np.arange(n), n)
    nearest = np.concatenate([np.minimum.accumulate(index[::-1])[::-1][1:], np.full(1, n)])
    inside = (nearest < n) & (messages.observation[np.minimum(nearest, n - 1)] == messages.observation)
    return np.where(inside, nearest, -1)
