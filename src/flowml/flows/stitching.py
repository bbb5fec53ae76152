"""Which records belong to one connection: by five-tuple, until a new handshake or a long silence."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowml.flows.batch import FlowBatch
from flowml.flows.key import connection_keys, source_is_low
from flowml.flows.orientation import opened_by_destination, opened_by_source, source_is_client
from flowml.flows.slots import Slots
from flowml.schema import (
    APPLICATION_NAME,
    BYTES,
    DST_IP,
    DST_PORT,
    FIRST_SEEN_MS,
    GAP_AFTER,
    GAP_BEFORE,
    LAST_SEEN_MS,
    SERVER_NAME,
    SRC_IP,
    SRC_PORT,
    SRC_SYN,
    UID,
)


@dataclass(frozen=True)
class Stitched:
    """Records sorted by connection and time.

    Attributes
    ----------
    batch : FlowBatch
        Records, those of one connection side by side.
    slots : ndarray of int64, shape (n_connections,)
    starts, counts : ndarray of int64, shape (n_connections,)
        Which records are whose.
    superseded : ndarray of int64
        Slots of connections that a later one with the same five-tuple replaced.
    """

    batch: FlowBatch
    slots: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    superseded: NDArray[np.int64]


class Stitcher:
    """Remembers which slot an open five-tuple has.

    Parameters
    ----------
    slots : Slots
        The table of open connections, written to when a connection begins.
    silence_s : float
        A five-tuple that was silent for longer begins a new connection, seconds.
    """

    def __init__(self, slots: Slots, silence_s: float) -> None:
        self._slots = slots
        self._silence_ms = int(silence_s * 1000)
        self._by_key: dict[bytes, int] = {}
        self._keys: dict[int, bytes] = {}
        self._next_connection = 0

    def stitch(self, batch: FlowBatch) -> Stitched:
        """Assign every record to an open connection, opening new ones."""
        keys = connection_keys(batch)
        numbers: dict[bytes, int] = {}
        group = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
        order = np.lexsort((batch[FIRST_SEEN_MS], group))
        open_slot = np.array([self._by_key.get(key, -1) for key in numbers], np.int64)
        order = order[_tells_something(batch, order, group[order], open_slot[group[order]] >= 0)]
        batch, group = batch.take(order), group[order]
        open_slot = open_slot[group]
        is_head = np.diff(group, prepend=-1) != 0
        begins = self._begins(batch, is_head, open_slot)
        starts = np.flatnonzero(is_head | begins)
        slots = open_slot[starts]
        fresh = begins[starts]
        slots[fresh] = self._open(batch, starts[fresh])
        names = list(numbers)
        superseded = self._register(slots, [names[number] for number in group[starts]])
        return Stitched(batch, slots, starts, np.diff(starts, append=len(batch)), superseded)

    def forget(self, slots: NDArray[np.int64]) -> None:
        """Drop the five-tuples of connections that ended."""
        for slot in slots.tolist():
            key = self._keys.pop(slot)
            if self._by_key.get(key) == slot:
                del self._by_key[key]

    def _begins(
        self, batch: FlowBatch, is_head: NDArray[np.bool_], open_slot: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Say which records are the first of a connection, shape (n_records,)."""
        state = self._slots.state
        known = open_slot >= 0
        previous_end = np.roll(batch[LAST_SEEN_MS], 1)
        previous_uid = np.roll(batch[UID], 1)
        if len(state):
            known_head = is_head & known
            previous_end = np.where(known_head, state["end_ms"][open_slot], previous_end)
            previous_uid = np.where(known_head, state["uid"][open_slot], previous_uid)
        handshake = (opened_by_source(batch) | opened_by_destination(batch)) & (batch[UID] != previous_uid)
        silent = batch[FIRST_SEEN_MS] - previous_end > self._silence_ms
        return np.asarray((is_head & ~known) | handshake | silent)

    def _open(self, batch: FlowBatch, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Open a connection for each first record."""
        first = batch.take(rows)
        slots = self._slots.claim(len(rows))
        state = self._slots.state
        client_first = source_is_client(first)
        ends = ((SRC_IP, DST_IP, "ip"), (SRC_PORT, DST_PORT, "port"))
        for source, destination, what in ends:
            state[f"client_{what}"][slots] = np.where(client_first, first[source], first[destination])
            state[f"server_{what}"][slots] = np.where(client_first, first[destination], first[source])
        state["client_is_low"][slots] = client_first == source_is_low(first)
        state["saw_start"][slots] = (
            opened_by_source(first) | opened_by_destination(first) | (first[SRC_SYN] > 0)
        )
        state["connection"][slots] = self._next_connection + np.arange(len(rows))
        state["start_ms"][slots] = state["covered_ms"][slots] = first[FIRST_SEEN_MS]
        state["application_name"][slots] = first[APPLICATION_NAME]
        state["server_name"][slots] = first[SERVER_NAME]
        self._next_connection += len(rows)
        return slots

    def _register(self, slots: NDArray[np.int64], keys: list[bytes]) -> NDArray[np.int64]:
        """Let each five-tuple point at its newest connection; give the slots that were replaced."""
        superseded = []
        for slot, key in zip(slots.tolist(), keys, strict=True):
            known = self._by_key.get(key)
            if known is not None and known != slot:
                superseded.append(known)
            self._by_key[key] = slot
            self._keys[slot] = key
        return np.array(superseded, np.int64)


def _tells_something(
    batch: FlowBatch, order: NDArray[np.int64], group: NDArray[np.int64], is_open: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Say which records, in their order by five-tuple and time, are news; shape (n_records,).

    A flow outlives its connection: the meter tells of its end long after the connection was over. Such a
    record has no packet that was not told before, and would only begin a connection without any.
    """
    told_before = (batch.packets.counts == 0) & (batch[BYTES] > 0) & ~batch[GAP_BEFORE] & ~batch[GAP_AFTER]
    number = np.arange(len(order))
    newest = np.maximum.accumulate(np.where(told_before[order], -1, number))
    head = np.maximum.accumulate(np.where(np.diff(group, prepend=-1) != 0, number, 0))
    return is_open | (newest >= head)
