"""Columns of the open connections: one slot a connection, reused when it ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from flowml.flows.packets import PacketSequences, ragged_indices
from flowml.schema import MAX_ADDRESS_CHARS

_DTYPE = np.dtype(
    [
        ("connection", "i8"),
        ("uid", "u8"),
        ("client_ip", f"S{MAX_ADDRESS_CHARS}"),
        ("server_ip", f"S{MAX_ADDRESS_CHARS}"),
        ("client_port", "u2"),
        ("server_port", "u2"),
        ("client_is_low", "?"),
        ("saw_start", "?"),
        ("was_interrupted", "?"),  # the meter missed some time of it
        ("is_open", "?"),
        ("is_ending", "?"),  # a FIN or RST was seen
        ("hole_pending", "?"),  # packets are missing after the last one of the history
        ("start_ms", "i8"),
        ("end_ms", "i8"),
        ("covered_ms", "i8"),  # all packets before this time are known
        ("judged_packets", "i8"),  # packets that the newest observation knew
        ("judged_age_s", "f8"),
        ("client_packets", "i8"),
        ("server_packets", "i8"),
        ("client_bytes", "i8"),
        ("server_bytes", "i8"),
        ("history_packets", "i8"),  # of them kept in the history
        ("application_name", "S40"),
        ("server_name", "S80"),
    ]
)
_NAMES = _DTYPE.names or ()


@dataclass(frozen=True)
class Columns:
    """Columns of n connections, each an array of its own.

    Every second some of them are looked at for all connections, which should not touch the others in memory.

    Attributes
    ----------
    arrays : mapping of str to ndarray, each of shape (n,)
    """

    arrays: Mapping[str, NDArray[Any]]

    @classmethod
    def zeros(cls, n: int) -> Self:
        """Columns of n connections of which nothing is known."""
        return cls({name: np.zeros(n, _DTYPE[name]) for name in _NAMES})

    def __len__(self) -> int:
        return len(self.arrays["connection"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def take(self, rows: NDArray[np.int64]) -> "Columns":
        """A copy of some rows."""
        return Columns({name: array[rows] for name, array in self.arrays.items()})

    def extended(self, n: int) -> "Columns":
        """A copy with n more rows, all zero."""
        more = Columns.zeros(n)
        return Columns({name: np.concatenate([self[name], more[name]]) for name in _NAMES})


class Slots:
    """Growing columns with free slots.

    Parameters
    ----------
    history_packets : int
        Payload packets that are kept of each connection.
    expected : int
        Slots whose history has its place from the start: it costs address space, and memory where it is used.

    Attributes
    ----------
    state : Columns
        Of `capacity` slots.
    time_ms : ndarray of int64, shape (capacity or more, history_packets)
    size_bytes : ndarray of int32, shape (capacity or more, history_packets)
    """

    def __init__(self, history_packets: int, expected: int) -> None:
        self.state = Columns.zeros(0)
        self.time_ms = np.empty((expected, history_packets), np.int64)
        self.size_bytes = np.empty((expected, history_packets), np.int32)
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self.state) - len(self._free)

    def claim(self, count: int) -> NDArray[np.int64]:
        """Take `count` free slots, zeroed, and mark them open."""
        while len(self._free) < count:
            self._grow()
        slots = np.array([self._free.pop() for _ in range(count)], np.int64)
        for name in _NAMES:
            self.state[name][slots] = np.zeros((), _DTYPE[name])
        self.state["is_open"][slots] = True
        return slots

    def release(self, slots: NDArray[np.int64]) -> None:
        """Give slots back."""
        self.state["is_open"][slots] = False
        self._free.extend(slots.tolist())

    def read(self, slots: NDArray[np.int64]) -> PacketSequences:
        """Give the remembered packets of some slots."""
        counts = self.state["history_packets"][slots]
        place = ragged_indices(slots * self.time_ms.shape[1], counts)
        return PacketSequences.from_counts(
            counts, self.time_ms.reshape(-1)[place], self.size_bytes.reshape(-1)[place]
        )

    def write(self, slots: NDArray[np.int64], packets: PacketSequences) -> None:
        """Remember these packets of some slots instead of those before."""
        place = ragged_indices(slots * self.time_ms.shape[1], packets.counts)
        self.time_ms.reshape(-1)[place] = packets.time_ms
        self.size_bytes.reshape(-1)[place] = packets.size_bytes
        self.state["history_packets"][slots] = packets.counts

    def _grow(self) -> None:
        old, new = len(self.state), max(256, 2 * len(self.state))
        self.state = self.state.extended(new - old)
        if new > len(self.time_ms):
            self.time_ms = _extended(self.time_ms, new)
            self.size_bytes = _extended(self.size_bytes, new)
        self._free.extend(range(new - 1, old - 1, -1))


def _extended(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """Copy into a taller array; its new rows stay untouched and cost no memory before their use."""
    taller = np.empty((rows, array.shape[1]), array.dtype)
    taller[: len(array)] = array
    return taller
