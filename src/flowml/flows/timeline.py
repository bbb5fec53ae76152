"""Timeline: history and new packets of some connections side by side, from which observations are cut."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences, ragged_indices
from flowml.flows.slots import Columns, Slots

_STEP = np.int64(1) << np.int64(
    44
)  # above any connection's age in ms: keeps connections apart in one sort order


_SAME_NAME = (
    "connection", "client_ip", "server_ip", "client_port", "server_port", "start_ms",
    "saw_start", "was_interrupted", "application_name", "server_name",
)  # fmt: skip
_COUNTED = ("client_packets", "server_packets", "client_bytes", "server_bytes")


@dataclass(frozen=True)
class Cuts:
    """Where to cut n observations out of a timeline.

    Attributes
    ----------
    row, end : ndarray of int64, shape (n,)
        Connection, and the flat index behind its last packet.
    age_s, reported_s : ndarray of float64, shape (n,)
        See `Observations`.
    """

    row: NDArray[np.int64]
    end: NDArray[np.int64]
    age_s: NDArray[np.float64]
    reported_s: NDArray[np.float64]


@dataclass(frozen=True)
class Timeline:
    """Packets of n connections: what was remembered, then what is new.

    Attributes
    ----------
    state : Columns
        Of the n slots, as they were before.
    packets : PacketSequences
        n sequences.
    unbroken_from : ndarray of int64, shape (n_packets,)
        Index of the first packet from which on nothing is missing up to this one.
    totals : RunningTotals
        Of each connection: packets and bytes of client and server.
    sort_key : ndarray of int64, shape (n_packets,)
        Rising: connection number and time.
    """

    state: Columns
    packets: PacketSequences
    unbroken_from: NDArray[np.int64]
    totals: "RunningTotals"
    sort_key: NDArray[np.int64]

    @classmethod
    def build(
        cls, slots: Slots, rows: NDArray[np.int64], fresh: PacketSequences, hole: NDArray[np.bool_]
    ) -> Self:
        """Join the history of the connections at `rows` with their fresh packets.

        Parameters
        ----------
        slots : Slots
        rows : ndarray of int64, shape (n,)
        fresh : PacketSequences
            n sequences as the client sees them.
        hole : ndarray of bool, shape (fresh packets,)
            True where packets are missing before this one.
        """
        state = slots.state.take(rows)
        past = slots.read(rows)
        counts = past.counts + fresh.counts
        time_ms, size, broken = _joined(past, fresh, hole)
        packets = PacketSequences.from_counts(counts, time_ms, size)
        broken[packets.offsets[:-1][counts > 0]] = True
        unbroken = np.maximum.accumulate(np.where(broken, np.arange(len(broken)), 0))
        relative = np.clip(time_ms - np.repeat(state["start_ms"], counts), 0, _STEP - 1)
        sort_key = np.maximum.accumulate(relative + np.repeat(np.arange(len(rows)) * _STEP, counts))
        return cls(state, packets, unbroken, RunningTotals.of(state, packets, past), sort_key)

    def due(
        self, row: NDArray[np.int64], age_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the judging ages at which there is something new since the observation before.

        Parameters
        ----------
        row : ndarray of int64, shape (n_ages,)
            Which connection; not falling.
        age_s : ndarray of float64, shape (n_ages,)
            Rising within a connection.

        Returns
        -------
        which : ndarray of int64, shape (n_due,)
            Numbers of the ages that are due.
        end : ndarray of int64, shape (n_due,)
            Flat index behind the last packet before that age.
        """
        key = row * _STEP + np.ceil(age_s * 1000).astype(np.int64)
        end = np.searchsorted(self.sort_key, key, side="left")
        packets = self.count(row, end)
        previous = np.where(
            np.diff(row, prepend=-1) != 0, self.state["judged_packets"][row], np.roll(packets, 1)
        )
        which = np.flatnonzero((packets > previous) & self.talks_both_ways(row, end))
        return which, end[which]

    def count(self, row: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
        """Payload packets of the connection before the flat index `end`, shape (n,)."""
        totals = self._totals(row, end)
        return totals["client_packets"] + totals["server_packets"]

    def talks_both_ways(self, row: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say whether both sides sent payload before the flat index `end`, shape (n,)."""
        totals = self._totals(row, end)
        both = (totals["client_packets"] > 0) & (totals["server_packets"] > 0)
        return np.asarray(both & (end > self.packets.offsets[row]))

    def store(self, slots: Slots, rows: NDArray[np.int64], history_packets: int) -> None:
        """Write the newest unbroken packets and the totals back to the slots."""
        filled = self.packets.counts > 0
        rows, last = rows[filled], self.packets.offsets[1:][filled] - 1
        begin = np.maximum(self.unbroken_from[last], last + 1 - history_packets)
        lengths = last + 1 - begin
        slots.write(rows, self.packets.ranges(begin, lengths))
        for name, totals in self.totals.before(np.flatnonzero(filled), last + 1).items():
            slots.state[name][rows] = totals

    def _totals(self, row: NDArray[np.int64], end: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Totals before the flat index `end`; 0 before the connection's first packet."""
        inside = end > self.packets.offsets[row]
        return {name: np.where(inside, total, 0) for name, total in self.totals.before(row, end).items()}

    def observe(self, cuts: Cuts, history_packets: int) -> Observations:
        """Cut observations out of the timeline."""
        row, end = cuts.row, cuts.end
        begin = np.maximum(self.unbroken_from[end - 1], end - history_packets)
        totals: dict[str, Any] = self._totals(row, end)
        return Observations(
            **{name: self.state[name][row] for name in _SAME_NAME},
            **totals,
            end_ms=self.packets.time_ms[end - 1],
            age_s=cuts.age_s,
            reported_s=cuts.reported_s,
            is_final=np.zeros(len(row), bool),
            packets=self.packets.ranges(begin, end - begin),
        )


def last_observations(
    slots: Slots, rows: NDArray[np.int64], noticed_after_s: NDArray[np.float64]
) -> Observations:
    """Observe the connections at `rows`, each with payload in both directions, as they are now.

    Parameters
    ----------
    slots : Slots
    rows : ndarray of int64, shape (n,)
    noticed_after_s : ndarray of float64, shape (n,)
        Seconds from the last packet of each to the time at which it counts as over.
    """
    state = slots.state
    lived_s = (state["end_ms"][rows] - state["start_ms"][rows]) / 1000.0
    return Observations(
        **{name: state[name][rows] for name in (*_SAME_NAME, *_COUNTED, "end_ms")},
        age_s=lived_s,
        reported_s=lived_s + noticed_after_s,
        is_final=np.ones(len(rows), bool),
        packets=slots.read(rows),
    )


def _joined(
    past: PacketSequences, fresh: PacketSequences, hole: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]]:
    """Times, sizes and holes of each connection's history, then of its fresh packets."""
    if not len(past.time_ms):  # all are new, as in a batch of short connections
        return fresh.time_ms, fresh.size_bytes, hole.copy()
    starts = np.stack([past.offsets[:-1], len(past.time_ms) + fresh.offsets[:-1]], axis=1).ravel()
    flat = ragged_indices(starts, np.stack([past.counts, fresh.counts], axis=1).ravel())
    broken = np.concatenate([np.zeros(len(past.time_ms), bool), hole])[flat]
    time_ms = np.concatenate([past.time_ms, fresh.time_ms])[flat]
    return time_ms, np.concatenate([past.size_bytes, fresh.size_bytes])[flat], broken


@dataclass(frozen=True)
class RunningTotals:
    """Running totals over the packets of all connections, from which those of one can be had.

    Attributes
    ----------
    client_packets, client_bytes, signed_bytes : ndarray of int64, shape (n_packets + 1,)
        Up to each packet, of all connections before it too. Every packet is the client's or the server's, so
        that the server's totals follow.
    base : dict of str to ndarray of int64, shape (n,)
        What the slots had counted, less the running total where each connection's fresh packets begin.
    """

    client_packets: NDArray[np.int64]
    client_bytes: NDArray[np.int64]
    signed_bytes: NDArray[np.int64]
    base: dict[str, NDArray[np.int64]]

    @classmethod
    def of(cls, state: Columns, packets: PacketSequences, past: PacketSequences) -> Self:
        """Count packets; totals at the end of a connection's history are what its slot had counted."""
        size = packets.size_bytes
        columns = (_running(size > 0), _running(np.maximum(size, 0)), _running(size))
        fresh_from = packets.offsets[:-1] + past.counts
        nothing = {name: np.zeros(len(state), np.int64) for name in _COUNTED}
        at = cls(*columns, nothing).before(np.arange(len(state)), fresh_from)
        return cls(*columns, {name: state[name] - total for name, total in at.items()})

    def before(self, row: NDArray[np.int64], end: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Totals of the connections `row` before the flat indices `end`, each of shape (n,)."""
        packets, size = self.client_packets[end], self.client_bytes[end]
        running = (packets, end - packets, size, size - self.signed_bytes[end])
        return {name: total + self.base[name][row] for name, total in zip(_COUNTED, running, strict=True)}


def _running(values: NDArray[Any]) -> NDArray[np.int64]:
    total = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=total[1:])
    return total
