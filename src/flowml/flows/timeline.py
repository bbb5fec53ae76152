"""Timeline: history and new packets of some connections side by side, from which observations are cut."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences, ragged_indices
from flowml.flows.slots import Slots

_STEP = np.int64(1) << np.int64(
    44
)  # above any connection's age in ms: keeps connections apart in one sort order


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
    state : structured ndarray, shape (n,)
        The slots' columns as they were before.
    packets : PacketSequences
        n sequences.
    unbroken_from : ndarray of int64, shape (n_packets,)
        Index of the first packet from which on nothing is missing up to this one.
    known : dict of str to ndarray of int64, shape (n_packets,)
        Running totals of the connection, this packet included: packets and bytes of client and server.
    sort_key : ndarray of int64, shape (n_packets,)
        Rising: connection number and time.
    """

    state: NDArray[np.void]
    packets: PacketSequences
    unbroken_from: NDArray[np.int64]
    known: dict[str, NDArray[np.int64]]
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
        state = slots.state[rows]
        past = _history(slots, rows, state["history_packets"])
        counts = past.counts + fresh.counts
        # each connection's history, then its fresh packets, out of the two flat arrays one after the other
        starts = np.stack([past.offsets[:-1], len(past.time_ms) + fresh.offsets[:-1]], axis=1).ravel()
        lengths = np.stack([past.counts, fresh.counts], axis=1).ravel()
        flat = ragged_indices(starts, lengths)
        time_ms = np.concatenate([past.time_ms, fresh.time_ms])[flat]
        size = np.concatenate([past.size_bytes, fresh.size_bytes])[flat]
        broken = np.concatenate([np.zeros(len(past.time_ms), bool), hole])[flat]
        packets = PacketSequences.from_counts(counts, time_ms, size)
        group = np.repeat(np.arange(len(rows)), counts)
        broken[packets.offsets[:-1][counts > 0]] = True
        unbroken = np.maximum.accumulate(np.where(broken, np.arange(len(flat)), 0))
        relative = np.clip(time_ms - state["start_ms"][group], 0, _STEP - 1)
        sort_key = np.maximum.accumulate(relative + group * _STEP)
        return cls(state, packets, unbroken, _totals(state, packets, past), sort_key)

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
        return self._total("client_packets", row, end) + self._total("server_packets", row, end)

    def talks_both_ways(self, row: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say whether both sides sent payload before the flat index `end`, shape (n,)."""
        client, server = self._total("client_packets", row, end), self._total("server_packets", row, end)
        return np.asarray((client > 0) & (server > 0) & (end > self.packets.offsets[row]))

    def store(self, slots: Slots, rows: NDArray[np.int64], history_packets: int) -> None:
        """Write the newest unbroken packets and the totals back to the slots."""
        filled = self.packets.counts > 0
        rows, last = rows[filled], self.packets.offsets[1:][filled] - 1
        begin = np.maximum(self.unbroken_from[last], last + 1 - history_packets)
        lengths = last + 1 - begin
        flat = ragged_indices(begin, lengths)
        row = np.repeat(rows, lengths)
        column = ragged_indices(np.zeros(len(lengths), np.int64), lengths)
        slots.time_ms[row, column] = self.packets.time_ms[flat]
        slots.size_bytes[row, column] = self.packets.size_bytes[flat]
        slots.state["history_packets"][rows] = lengths
        for name, totals in self.known.items():
            slots.state[name][rows] = totals[last]

    def _total(self, name: str, row: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
        """A running total before the flat index `end`; 0 before the connection's first packet."""
        if not len(self.known[name]):
            return np.zeros(len(row), np.int64)
        return np.where(end > self.packets.offsets[row], self.known[name][np.maximum(end - 1, 0)], 0)

    def observe(self, cuts: Cuts, history_packets: int, *, is_final: bool = False) -> Observations:
        """Cut observations out of the timeline."""
        row, end = cuts.row, cuts.end
        begin = np.maximum(self.unbroken_from[end - 1], end - history_packets)
        state = self.state[row]
        same_name = ("connection", "client_ip", "server_ip", "client_port", "server_port", "start_ms")
        columns = {name: state[name] for name in (*same_name, "saw_start", "application_name", "server_name")}
        totals: dict[str, Any] = {name: self._total(name, row, end) for name in self.known}
        return Observations(
            **columns,
            **totals,
            end_ms=state["end_ms"] if is_final else self.packets.time_ms[end - 1],
            age_s=cuts.age_s,
            reported_s=cuts.reported_s,
            is_final=np.full(len(row), is_final),
            packets=self.packets.ranges(begin, end - begin),
        )


def _history(slots: Slots, rows: NDArray[np.int64], counts: NDArray[np.int64]) -> PacketSequences:
    """Read the remembered packets of some slots."""
    row = np.repeat(rows, counts)
    column = ragged_indices(np.zeros(len(counts), np.int64), counts)
    return PacketSequences.from_counts(counts, slots.time_ms[row, column], slots.size_bytes[row, column])


def _totals(
    state: NDArray[np.void], packets: PacketSequences, past: PacketSequences
) -> dict[str, NDArray[np.int64]]:
    """Running totals that end, for the history, at what the slots had counted."""
    size = packets.size_bytes.astype(np.int64)
    group = np.repeat(np.arange(len(packets)), packets.counts)
    shares = {
        "client_packets": (size > 0).astype(np.int64),
        "server_packets": (size < 0).astype(np.int64),
        "client_bytes": np.maximum(size, 0),
        "server_bytes": np.maximum(-size, 0),
    }
    totals = {}
    for name, share in shares.items():
        running = np.concatenate([np.zeros(1, np.int64), np.cumsum(share)])
        # running total at the end of each connection's history must equal what its slot had counted
        base = state[name] - running[packets.offsets[:-1] + past.counts]
        totals[name] = running[1:] + base[group]
    return totals
