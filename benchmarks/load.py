"""The connections of flow tables, beginning again and again: what a scorer hears of a busy network."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flowml.datasets.manifest import read_data_set
from flowml.datasets.store import read_flows
from flowml.flows.batch import FlowBatch
from flowml.flows.key import TCP
from flowml.flows.packets import PacketSequences
from flowml.schema import (
    COVERED_UNTIL_MS,
    DST_IP,
    DST_PORT,
    DST_SYN,
    FIRST_SEEN_MS,
    LAST_SEEN_MS,
    PROTOCOL,
    SRC_FIN,
    SRC_IP,
    SRC_PORT,
    SRC_SYN,
    UID,
)

TABLE = Path("datasets/wide-11/wide.parquet")
_TIMES = (FIRST_SEEN_MS, LAST_SEEN_MS, COVERED_UNTIL_MS)
_LINGER_S = 30  # from a FIN to the end of a connection: `ConnectionSettings.linger_s`
_FIRST_PORT, _PORTS = 32_768, 28_000


@dataclass(frozen=True)
class LoadSettings:
    """What a network does.

    Attributes
    ----------
    n_new : int
        Connections that begin each second.
    n_open : int
        Of those that began, as many are open at once: each ends after `n_open / n_new` seconds.
    hosts : int
        Clients in the network; each has many connections.
    mining_ratio : float or None
        Share of the connections that mine; None: as in the recording.
    table : Path
        Flow table of a data set.
    """

    n_new: int = 1000
    n_open: int = 200_000
    hosts: int = 1 << 20
    mining_ratio: float | None = None
    table: Path = field(default=TABLE)

    @property
    def life_s(self) -> int:
        """Seconds from a connection's beginning to its end."""
        return self.n_open // self.n_new


class Load:
    """Each second the records of those that begin, and the news of those before."""

    def __init__(self, settings: LoadSettings) -> None:
        records, flow = _connections(settings.table)
        begun = np.full(flow.max() + 1, np.iinfo(np.int64).max)
        np.minimum.at(begun, flow, records[FIRST_SEEN_MS])
        due_s = (records[COVERED_UNTIL_MS] - begun[flow]) // 1000 + 1
        wanted = _wanted(records, flow, settings)
        fin_s = max(1, settings.life_s - _LINGER_S)
        rows = _rows_of(flow, wanted, np.flatnonzero(due_s < fin_s))
        self._settings = settings
        self._slot = np.append(rows.slot, np.arange(len(wanted)))
        self._due_s = np.append(due_s[rows.row], np.full(len(wanted), fin_s))
        first = np.unique(flow, return_index=True)[1]
        client = first[flow]
        self._from_client = np.append(
            (records[SRC_IP] == records[SRC_IP][client])[rows.row]
            & (records[SRC_PORT] == records[SRC_PORT][client])[rows.row],
            np.full(len(wanted), True),
        )
        ends = _ended(records.take(first[wanted]), begun[wanted] + fin_s * 1000)
        self._records = FlowBatch.concat([records.take(rows.row), ends])
        self._begun_ms = np.append(begun[flow[rows.row]], begun[wanted])
        self._hosts = np.array(
            [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(settings.hosts)],
            SRC_IP.numpy_dtype,
        )

    def second(self, second: int, epoch_ms: int) -> FlowBatch:
        """The records of a second, which begins the first of all at `epoch_ms`."""
        rows = np.flatnonzero(self._due_s <= second)
        begun_s = second - self._due_s[rows]
        number = begun_s * self._settings.n_new + self._slot[rows]
        batch, from_client = self._records.take(rows), self._from_client[rows]
        later_ms = epoch_ms + begun_s * 1000 - self._begun_ms[rows]
        packets = batch.packets
        columns = dict(batch.columns) | {
            UID.name: number.astype("u8"),
            **{column.name: batch[column] + later_ms for column in _TIMES},
        }
        address = self._hosts[number % len(self._hosts)]
        port = (_FIRST_PORT + number // len(self._hosts) % _PORTS).astype("u2")
        for ip, ports, is_client in ((SRC_IP, SRC_PORT, from_client), (DST_IP, DST_PORT, ~from_client)):
            columns[ip.name] = np.where(is_client, address, batch[ip])
            columns[ports.name] = np.where(is_client, port, batch[ports])
        time_ms = packets.time_ms + np.repeat(later_ms, packets.counts)
        return FlowBatch(columns, PacketSequences.from_counts(packets.counts, time_ms, packets.size_bytes))

    def seconds(self, n: int, epoch_ms: int) -> Iterator[FlowBatch]:
        """The records of one second after another."""
        return (self.second(second, epoch_ms) for second in range(n))


def _connections(table: Path) -> tuple[FlowBatch, NDArray[np.int64]]:
    """The TCP records of a flow table, and to which of its flows each belongs."""
    records = FlowBatch.concat(list(read_flows(table)[0]))
    records = records.take(np.flatnonzero(records[PROTOCOL] == TCP))
    return records, np.unique(records[UID], return_inverse=True)[1]


def _wanted(records: FlowBatch, flow: NDArray[np.int64], settings: LoadSettings) -> NDArray[np.int64]:
    """Which flow each connection of a second is, shape (n_new,)."""
    flows = np.arange(flow.max() + 1)
    if settings.mining_ratio is None:
        return np.resize(flows, settings.n_new)
    mines = np.isin(flows, flow[_is_mining(records, settings.table)])
    n_mining = round(settings.n_new * settings.mining_ratio)
    drawn = np.random.default_rng(1)  # of some hundred mining flows not always the first
    return np.append(
        drawn.permutation(flows[mines])[:n_mining], np.resize(flows[~mines], settings.n_new - n_mining)
    )


def _is_mining(records: FlowBatch, table: Path) -> NDArray[np.bool_]:
    """Whether a record is of a server that the data set calls a pool."""
    captures = read_data_set(table.parent)
    pools = {
        (server.ip.encode(), server.port)
        for capture in captures
        if capture.path == table
        for server in capture.servers
        if server.is_mining
    }
    ends = zip(records[SRC_IP], records[SRC_PORT], records[DST_IP], records[DST_PORT], strict=True)
    return np.array(
        [(src, src_port) in pools or (dst, dst_port) in pools for src, src_port, dst, dst_port in ends]
    )


@dataclass(frozen=True)
class _Rows:
    """Records and the connection of a second that each belongs to."""

    row: NDArray[np.int64]
    slot: NDArray[np.int64]


def _rows_of(flow: NDArray[np.int64], wanted: NDArray[np.int64], rows: NDArray[np.int64]) -> _Rows:
    """For each wanted flow its records among `rows`."""
    by_flow = rows[np.argsort(flow[rows], kind="stable")]
    starts = np.searchsorted(flow[by_flow], wanted, side="left")
    counts = np.searchsorted(flow[by_flow], wanted, side="right") - starts
    slot = np.repeat(np.arange(len(wanted)), counts)
    within = np.arange(len(slot)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Rows(by_flow[np.repeat(starts, counts) + within], slot)


def _ended(first: FlowBatch, at_ms: NDArray[np.int64]) -> FlowBatch:
    """A last record of each flow: the client's FIN, and no payload."""
    n = len(first)
    fin = {column.name: at_ms for column in _TIMES} | {SRC_FIN.name: np.ones(n, SRC_FIN.numpy_dtype)}
    fin |= {column.name: np.zeros(n, column.numpy_dtype) for column in (SRC_SYN, DST_SYN)}
    return FlowBatch({**first.columns, **fin}, PacketSequences.empty(n))
