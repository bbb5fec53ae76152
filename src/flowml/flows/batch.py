"""FlowBatch: flow records as read-only columns, the one form in which they travel."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.flows.packets import PacketSequences
from flowml.schema import RECORD_COLUMNS, Column

_DTYPES = {column.name: column.numpy_dtype for column in RECORD_COLUMNS}


class DerivedColumns(Mapping[str, NDArray[Any]]):
    """The columns of a batch, each made when it is first asked for: of most, scoring wants a third.

    Parameters
    ----------
    n_records : int
    derive : callable
        Makes the column of a name, of any dtype that casts to the schema's.
    """

    def __init__(self, n_records: int, derive: Callable[[str], NDArray[Any]]) -> None:
        self._n_records = n_records
        self._derive = derive
        self._derived: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._derived:
            self._derived[name] = self._checked(name)
        return self._derived[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_DTYPES)

    def __len__(self) -> int:
        return len(_DTYPES)

    def __reduce__(self) -> tuple[type, tuple[dict[str, NDArray[Any]]]]:
        return dict, (dict(self),)

    def _checked(self, name: str) -> NDArray[Any]:
        values = self._derive(name).astype(_DTYPES[name], copy=False)
        if values.shape != (self._n_records,):
            raise ValueError(f"{name}: got {values.shape}, expected ({self._n_records},)")
        values.flags.writeable = False
        return values


@dataclass(frozen=True)
class FlowBatch:
    """Flow records of one meter, in the order in which it gave them.

    Attributes
    ----------
    columns : mapping of str to ndarray
        Every column of `flowml.schema.RECORD_COLUMNS` with its dtype, each of shape (n_records,).
    packets : PacketSequences
        The payload packets that each record adds to its flow, as seen from the record's source; they are
        new: no packet stands in two records.
    """

    columns: Mapping[str, NDArray[Any]]
    packets: PacketSequences

    def __post_init__(self) -> None:
        if isinstance(self.columns, DerivedColumns):
            return  # it looks at its columns itself
        missing = [column.name for column in RECORD_COLUMNS if column.name not in self.columns]
        if missing:
            raise ValueError(f"columns missing: {', '.join(missing)}")
        for column in RECORD_COLUMNS:
            array = self.columns[column.name]
            if array.dtype != column.numpy_dtype or array.shape != (len(self.packets),):
                raise ValueError(
                    f"{column.name}: got {array.dtype} {array.shape}, "
                    f"expected {column.dtype} ({len(self.packets)},)"
                )
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.packets)

    def __getitem__(self, column: Column) -> NDArray[Any]:
        return self.columns[column.name]

    def take(self, rows: NDArray[np.int64]) -> "FlowBatch":
        """The records at `rows`, in that order."""
        columns = self.columns
        return FlowBatch(DerivedColumns(len(rows), lambda name: columns[name][rows]), self.packets.take(rows))

    def with_column(self, column: Column, values: NDArray[Any]) -> "FlowBatch":
        """The same records with other `values`, shape (n_records,), in one column."""
        return FlowBatch({**self.columns, column.name: values}, self.packets)

    @staticmethod
    def concat(batches: "Sequence[FlowBatch]") -> "FlowBatch":
        """All records of `batches`, one batch after another."""
        if not batches:
            return FlowBatch.empty()
        columns = {
            column.name: np.concatenate([batch[column] for batch in batches]) for column in RECORD_COLUMNS
        }
        return FlowBatch(columns, PacketSequences.concat([batch.packets for batch in batches]))

    @staticmethod
    def empty() -> "FlowBatch":
        """No record at all."""
        return FlowBatch(
            {column.name: np.zeros(0, column.numpy_dtype) for column in RECORD_COLUMNS},
            PacketSequences.empty(0),
        )
