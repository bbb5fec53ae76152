"""Payload packets of many flows in flat arrays: times, signed sizes and where each flow's begin."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


def ragged_indices(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the flat indices of many ranges, one after another.

    Parameters
    ----------
    starts, lengths : ndarray of int64, shape (n,)
        Range i covers ``starts[i] ... starts[i] + lengths[i] - 1``.

    Returns
    -------
    ndarray of int64, shape (lengths.sum(),)
    """
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()), dtype=np.int64)


@dataclass(frozen=True)
class PacketSequences:
    """The payload packets of n flows (or connections), ragged.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n + 1,)
        Packets of flow i are ``offsets[i] ... offsets[i + 1] - 1``.
    time_ms : ndarray of int64, shape (offsets[-1],)
        Not decreasing within a flow.
    size_bytes : ndarray of int32, shape (offsets[-1],)
        Payload size, never 0. Positive: sent by the source (of a record) or the client (of a connection);
        negative: sent by the other side.
    """

    offsets: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    size_bytes: NDArray[np.int32]

    def __post_init__(self) -> None:
        if self.time_ms.shape != self.size_bytes.shape or int(self.offsets[-1]) != len(self.time_ms):
            got = f"{len(self.time_ms)} times and {len(self.size_bytes)} sizes"
            raise ValueError(f"{got} for {int(self.offsets[-1])} packets")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Packets of each flow, shape (n,)."""
        return np.diff(self.offsets)

    @classmethod
    def from_counts(
        cls, counts: NDArray[np.int64], time_ms: NDArray[np.int64], size_bytes: NDArray[np.int32]
    ) -> Self:
        """Build from the number of packets of each flow, shape (n,)."""
        offsets = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return cls(offsets, time_ms, size_bytes)

    @classmethod
    def empty(cls, n_flows: int) -> Self:
        """`n_flows` flows without a packet."""
        return cls(np.zeros(n_flows + 1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32))

    def take(self, rows: NDArray[np.int64]) -> "PacketSequences":
        """The flows at `rows`, in that order."""
        return self.ranges(self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows])

    def slice(self, start: int, stop: int) -> "PacketSequences":
        """The flows from `start` up to `stop`, without copying their packets."""
        offsets = self.offsets[start : stop + 1]
        inside = slice(offsets[0], offsets[-1])
        return PacketSequences(offsets - offsets[0], self.time_ms[inside], self.size_bytes[inside])

    def ranges(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> "PacketSequences":
        """One sequence for each flat range (see `ragged_indices`)."""
        flat = ragged_indices(starts, lengths)
        return PacketSequences.from_counts(lengths, self.time_ms[flat], self.size_bytes[flat])

    @staticmethod
    def concat(parts: "list[PacketSequences]") -> "PacketSequences":
        """All flows of `parts`, one part after another."""
        counts = np.concatenate([part.counts for part in parts])
        time_ms = np.concatenate([part.time_ms for part in parts])
        return PacketSequences.from_counts(
            counts, time_ms, np.concatenate([part.size_bytes for part in parts])
        )
