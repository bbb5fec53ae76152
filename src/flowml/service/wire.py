"""What the capture process tells the scorer, as bytes.

Plain columns and JSON, no pickle: the capture process takes in hostile packets, and nothing that it could be
made to send may run in the scorer.
"""

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from flowml.flows.batch import FlowBatch
from flowml.flows.packets import PacketSequences
from flowml.schema import RECORD_COLUMNS, SEQUENCE_COLUMNS, Column
from flowml.service.scoring import Metered

if TYPE_CHECKING:
    from numpy.typing import NDArray

_METERED, _OPENED, _NOTE, _FAILED, _ENDED, _COUNTED = b"MONFEC"
_HEAD = struct.Struct("<Bqqq")  # kind, clock, records, packets


@dataclass(frozen=True)
class Opened:
    """Packets are coming from now on."""


@dataclass(frozen=True)
class Note:
    """Something an operator should know, in a sentence."""

    text: str


@dataclass(frozen=True)
class Counted:
    """How it stands in the middle of the work.

    Attributes
    ----------
    counters : dict of str to int
        What the meter counted since its start.
    """

    counters: dict[str, int]


@dataclass(frozen=True)
class Failed:
    """The end, because of an error that an operator can mend."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The orderly end: everything was told.

    Attributes
    ----------
    counters : dict of str to int
        What the meter counted.
    """

    counters: dict[str, int]


Message = Metered | Opened | Note | Counted | Failed | Ended


def encode(message: Message) -> bytes:
    """Write a message as bytes."""
    match message:
        case Metered():
            return _encode_metered(message)
        case Opened():
            return bytes((_OPENED,))
        case Note(text):
            return bytes((_NOTE,)) + json.dumps(text).encode()
        case Failed(text):
            return bytes((_FAILED,)) + json.dumps(text).encode()
        case Counted(counters):
            return bytes((_COUNTED,)) + json.dumps(counters).encode()
        case Ended(counters):
            return bytes((_ENDED,)) + json.dumps(counters).encode()


def decode(data: bytes) -> Message:
    """Read a message.

    Raises
    ------
    ValueError
        These bytes are none.
    """
    kind, rest = data[:1], data[1:]
    if kind == bytes((_METERED,)):
        return _decode_metered(data)
    if kind == bytes((_OPENED,)) and not rest:
        return Opened()
    if kind in (bytes((_NOTE,)), bytes((_FAILED,))):
        text = json.loads(rest)
        if isinstance(text, str):
            return Note(text) if kind == bytes((_NOTE,)) else Failed(text)
    if kind in (bytes((_ENDED,)), bytes((_COUNTED,))):
        counters = _counters(json.loads(rest))
        return Ended(counters) if kind == bytes((_ENDED,)) else Counted(counters)
    raise ValueError(f"no message: {data[:40]!r}")


def _counters(found: Any) -> dict[str, int]:
    if not isinstance(found, dict) or not all(type(value) is int for value in found.values()):
        raise ValueError(f"no counters: {found!r}")
    return found


def _encode_metered(message: Metered) -> bytes:
    batch, packets = message.batch, message.batch.packets
    parts = [_HEAD.pack(_METERED, message.clock_ms, len(batch), len(packets.time_ms))]
    parts += [batch[column].tobytes() for column in RECORD_COLUMNS]
    parts += [packets.offsets.tobytes(), packets.time_ms.tobytes(), packets.size_bytes.tobytes()]
    return b"".join(parts)


def _decode_metered(data: bytes) -> Metered:
    if len(data) < _HEAD.size:
        raise ValueError(f"only {len(data)} bytes of a batch")
    _, clock_ms, records, packets = _HEAD.unpack_from(data)
    time, size = SEQUENCE_COLUMNS
    lengths = [(column, records) for column in RECORD_COLUMNS]
    lengths += [(_OFFSETS, records + 1), (time, packets), (size, packets)]
    expected = _HEAD.size + sum(column.numpy_dtype.itemsize * length for column, length in lengths)
    if min(records, packets) < 0 or len(data) != expected:
        raise ValueError(f"{len(data)} bytes for {records} records and {packets} packets")
    arrays: dict[str, NDArray[Any]] = {}
    at = _HEAD.size
    for column, length in lengths:
        arrays[column.name] = np.frombuffer(data, column.numpy_dtype, length, at)
        at += arrays[column.name].nbytes
    offsets = arrays.pop(_OFFSETS.name)
    if offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise ValueError("packet offsets out of order")
    sequences = PacketSequences(offsets, arrays.pop(time.name), arrays.pop(size.name))
    return Metered(FlowBatch(arrays, sequences), clock_ms)


_OFFSETS = Column("packet_offsets", "i8", "-", "where each record's packets begin")
