"""ConnectionTable: a bounded memory of open connections, judged again and again as they age."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flowml.flows.batch import FlowBatch
from flowml.flows.key import TCP, source_is_low
from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences
from flowml.flows.schedule import JudgingAges
from flowml.flows.slots import Slots
from flowml.flows.stitching import Stitched, Stitcher
from flowml.flows.timeline import Cuts, Timeline, last_observations
from flowml.schema import (
    APPLICATION_NAME,
    COVERED_UNTIL_MS,
    DST_FIN,
    GAP_AFTER,
    GAP_BEFORE,
    LAST_SEEN_MS,
    PROTOCOL,
    RST,
    SERVER_NAME,
    SRC_FIN,
    UID,
)


@dataclass(frozen=True)
class ConnectionSettings:
    """How connections are remembered and when they are judged.

    Attributes
    ----------
    ages : JudgingAges
        When an open connection is judged.
    history_packets : int
        Payload packets kept of each connection: what an observation is computed from. 128 of them are ten
        minutes to an hour of a miner.
    max_connections : int
        Open connections remembered at once; beyond it those that were silent for longest are judged a last
        time and forgotten.
    silence_s : float
        A connection that was silent for longer is over, seconds. Push channels are silent for up to half an
        hour.
    linger_s : float
        The same after a FIN or RST, seconds: time for the last packets.
    report_delay_s : float
        The meter reports a packet at most this long after it, seconds of packet time; a silent connection
        is judged by the clock only after it. This is the slower meter's, NFStream's own loop: two timeouts
        of 10 s and the next packet.
    snapshot_delay_s : float
        A live meter tells of an open connection at most this long after a judging age, seconds: when a
        verdict is said to have been possible. A capture that ends tells of all at once, and much later.
    """

    ages: JudgingAges = field(default_factory=JudgingAges)
    history_packets: int = 128
    max_connections: int = 200_000
    silence_s: float = 1800.0
    linger_s: float = 30.0
    report_delay_s: float = 21.0
    snapshot_delay_s: float = 2.0


@dataclass(frozen=True)
class Ages:
    """Judging ages that passed: connection, age and when the meter had told all, each of shape (n,)."""

    row: NDArray[np.int64]
    age_s: NDArray[np.float64]
    reported_s: NDArray[np.float64]


class ConnectionTable:
    """Takes record batches, gives the observations that are due.

    Parameters
    ----------
    settings : ConnectionSettings

    Attributes
    ----------
    evicted : int
        Connections forgotten before their end because the table was full.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.evicted = 0
        self._slots = Slots(settings.history_packets, settings.max_connections)
        self._stitcher = Stitcher(self._slots, settings.silence_s)
        self._clock_ms = 0

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def clock_ms(self) -> int:
        """Latest time that is known (epoch, ms); 0 before there is one."""
        return self._clock_ms

    def interrupt(self) -> int:
        """Note that packets of all open connections may be missing; give how many are open.

        Their history stays: what is missing is short beside it, and a connection that was wiped out by each
        interruption would never be judged.
        """
        state = self._slots.state
        np.logical_or(state["was_interrupted"], state["is_open"], out=state["was_interrupted"])
        return len(self)

    def update(self, batch: FlowBatch, clock_ms: int = 0, *, is_moment: bool = True) -> Observations:
        """Take records in and judge what is due.

        Parameters
        ----------
        batch : FlowBatch
            New records; other protocols than TCP are passed over. May be empty.
        clock_ms : int, optional
            The meter's clock (epoch, ms) where it is known; otherwise the newest packet is the clock.
        is_moment : bool
            False: more records of the same moment follow, and nothing ends or falls due by the clock before
            they are in. So it does not matter how the records of a moment are batched.

        Returns
        -------
        Observations
            Those due at their ages, and a final one of every connection that ended.
        """
        is_tcp = batch[PROTOCOL] == TCP
        batch = batch if is_tcp.all() else batch.take(np.flatnonzero(is_tcp))
        newest = int(batch[LAST_SEEN_MS].max()) if len(batch) else 0
        self._clock_ms = max(self._clock_ms, clock_ms, newest)
        stitched = self._stitcher.stitch(batch)
        due = self._take_in(stitched)
        if not is_moment:
            return Observations.concat([due, self._superseded(stitched.superseded)])
        late = self._due_by_clock()
        over = self._over(stitched.superseded)
        return Observations.concat([due, late, self._close(over, self._patience_s(over))])

    def _superseded(self, slots: NDArray[np.int64]) -> Observations:
        """Close connections that a later one with the same five-tuple replaced."""
        return self._close(slots, self._patience_s(slots))

    def flush(self) -> Observations:
        """Judge every open connection a last time and forget it; time may begin anew."""
        self._clock_ms = 0
        rest = np.flatnonzero(self._slots.state["is_open"])
        return self._close(rest, np.zeros(len(rest)))

    # --- packets in ---------------------------------------------------------------------------------------

    def _take_in(self, stitched: Stitched) -> Observations:
        """Append the records' packets to their connections; give the observations that came due."""
        slots, batch = stitched.slots, stitched.batch
        group = np.repeat(np.arange(len(slots)), stitched.counts)
        fresh, hole = self._oriented(batch, slots[group])
        line = Timeline.build(self._slots, slots, self._per_connection(fresh, stitched), hole)
        until_s = self._covered_s(batch, slots, group)
        after_s = self._previous(until_s, group, self._slots.state["judged_age_s"][slots])
        record, age_s = self.settings.ages.between(after_s, until_s)
        reported_s = np.minimum(until_s[record], age_s + self.settings.snapshot_delay_s)
        due = self._judge(line, slots, Ages(group[record], age_s, reported_s))
        line.store(self._slots, slots, self.settings.history_packets)
        self._note(stitched, until_s)
        return due

    def _judge(self, line: Timeline, slots: NDArray[np.int64], ages: Ages) -> Observations:
        """Observe connections at those of the ages that bring something new."""
        which, end = line.due(ages.row, ages.age_s)
        row = ages.row[which]
        np.maximum.at(self._slots.state["judged_packets"], slots[row], line.count(row, end))
        cuts = Cuts(row, end, ages.age_s[which], ages.reported_s[which])
        return line.observe(cuts, self.settings.history_packets)

    def _oriented(
        self, batch: FlowBatch, slots: NDArray[np.int64]
    ) -> tuple[PacketSequences, NDArray[np.bool_]]:
        """Packets as the client sees them, and which of them have a hole before them."""
        state, packets = self._slots.state, batch.packets
        from_client = state["client_is_low"][slots] == source_is_low(batch)
        sign = np.repeat(np.where(from_client, 1, -1).astype(np.int32), packets.counts)
        hole = np.zeros(len(packets.time_ms), bool)
        hole_before = batch[GAP_BEFORE] | self._hole_after_previous(batch, slots)
        hole[packets.offsets[:-1][hole_before & (packets.counts > 0)]] = True
        return PacketSequences(packets.offsets, packets.time_ms, packets.size_bytes * sign), hole

    def _hole_after_previous(self, batch: FlowBatch, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say before which records packets of the connection are missing, shape (n_records,).

        They are missing after the newest record with packets; records without any change nothing.
        """
        number = np.arange(len(batch))
        head = np.diff(slots, prepend=-1) != 0
        group = np.cumsum(head)
        newest = np.maximum.accumulate(np.where(batch.packets.counts > 0, number, -1))
        newest = np.concatenate([np.full(min(1, len(batch)), -1), newest[:-1]])
        inside = (newest >= 0) & (group[newest] == group)
        return np.where(inside, batch[GAP_AFTER][newest], self._slots.state["hole_pending"][slots])

    @staticmethod
    def _per_connection(fresh: PacketSequences, stitched: Stitched) -> PacketSequences:
        """Join the packets of the records of each connection: they stand side by side already."""
        edges = np.append(stitched.starts, len(fresh))
        return PacketSequences(fresh.offsets[edges], fresh.time_ms, fresh.size_bytes)

    def _covered_s(
        self, batch: FlowBatch, slots: NDArray[np.int64], group: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Age up to which each record completes its connection, seconds, not falling, shape (n_records,)."""
        covered = np.maximum(batch[COVERED_UNTIL_MS], self._slots.state["covered_ms"][slots][group])
        relative = covered - self._slots.state["start_ms"][slots][group]
        return _running_maximum(relative, group) / 1000.0

    @staticmethod
    def _previous(
        until_s: NDArray[np.float64], group: NDArray[np.int64], first: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Shift by one within each connection; `first` stands before its first record."""
        head = np.diff(group, prepend=-1) != 0
        return np.where(head, first[group], np.maximum(np.roll(until_s, 1), first[group]))

    def _note(self, stitched: Stitched, until_s: NDArray[np.float64]) -> None:
        """Remember what the newest records say of their connections."""
        state, batch, slots = self._slots.state, stitched.batch, stitched.slots
        if not len(slots):
            return
        last = stitched.starts + stitched.counts - 1
        state["uid"][slots] = batch[UID][last]
        state["end_ms"][slots] = np.maximum(
            state["end_ms"][slots], np.maximum.reduceat(batch[LAST_SEEN_MS], stitched.starts)
        )
        state["covered_ms"][slots] = state["start_ms"][slots] + (until_s[last] * 1000).astype(np.int64)
        state["judged_age_s"][slots] = np.maximum(state["judged_age_s"][slots], until_s[last])
        ending = (batch[RST] > 0) | (batch[SRC_FIN] > 0) | (batch[DST_FIN] > 0)
        state["is_ending"][slots] |= np.logical_or.reduceat(ending, stitched.starts)
        before = self._hole_after_previous(batch, np.repeat(slots, stitched.counts))[last]
        quiet = batch.packets.counts[last] == 0
        state["hole_pending"][slots] = batch[GAP_AFTER][last] | (quiet & before)
        for name, column in (("application_name", APPLICATION_NAME), ("server_name", SERVER_NAME)):
            known = state[name][slots] != b""
            state[name][slots] = np.where(known, state[name][slots], batch[column][last])

    # --- time passes --------------------------------------------------------------------------------------

    def _due_by_clock(self) -> Observations:
        """Judge connections that fell silent: by now the meter would have told of any further packet."""
        state, ages = self._slots.state, self.settings.ages
        has_news = state["client_packets"] + state["server_packets"] > state["judged_packets"]
        slots = np.flatnonzero(state["is_open"] & has_news)
        start_ms, judged_s = state["start_ms"][slots], state["judged_age_s"][slots]
        told_s = (self._clock_ms - self.settings.report_delay_s * 1000 - start_ms) / 1000.0
        # no age after the first one behind the newest packet brings anything new
        lived_s = (state["end_ms"][slots] - start_ms) / 1000.0
        told_s = np.minimum(told_s, ages.age_s(ages.passed(lived_s)))
        waiting = ages.passed(told_s) > ages.passed(judged_s)
        slots, told_s = slots[waiting], told_s[waiting]
        row, age_s = ages.between(judged_s[waiting], told_s)
        line = Timeline.build(self._slots, slots, PacketSequences.empty(len(slots)), np.zeros(0, bool))
        state["judged_age_s"][slots] = told_s
        return self._judge(line, slots, Ages(row, age_s, age_s + self.settings.snapshot_delay_s))

    def _over(self, superseded: NDArray[np.int64]) -> NDArray[np.int64]:
        """Slots of the connections that ended, fell silent or have to make room."""
        state = self._slots.state
        over = np.zeros(len(state), bool)
        quiet = np.flatnonzero(
            state["is_open"] & (self._clock_ms - state["end_ms"] > 1000 * self._shortest_patience_s)
        )
        over[quiet] = self._clock_ms - state["end_ms"][quiet] > self._patience_s(quiet) * 1000
        over[superseded] = True
        too_many = int(np.count_nonzero(state["is_open"] & ~over)) - self.settings.max_connections
        if too_many > 0:
            candidates = np.flatnonzero(state["is_open"] & ~over)
            oldest = np.argpartition(state["end_ms"][candidates], too_many - 1)[:too_many]
            over[candidates[oldest]] = True
            self.evicted += too_many
        return np.flatnonzero(over)

    @property
    def _shortest_patience_s(self) -> float:
        return min(self.settings.linger_s, self.settings.silence_s)

    def _patience_s(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Silence after which each connection counts as over, seconds, shape (n,)."""
        is_ending = self._slots.state["is_ending"][slots]
        return np.where(is_ending, self.settings.linger_s, self.settings.silence_s)

    def _close(self, slots: NDArray[np.int64], noticed_after_s: NDArray[np.float64]) -> Observations:
        """Give the final observation of each connection with payload in both directions, and forget it."""
        state = self._slots.state
        both = np.flatnonzero((state["client_packets"][slots] > 0) & (state["server_packets"][slots] > 0))
        final = last_observations(self._slots, slots[both], noticed_after_s[both])
        self._stitcher.forget(slots)
        self._slots.release(slots)
        return final


def _running_maximum(values: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Running maximum within each group; groups are numbered 0, 1, ... and stand side by side."""
    step = np.int64(1) << np.int64(44)  # above any connection's age in ms
    return np.asarray(np.maximum.accumulate(values + group * step) - group * step)
