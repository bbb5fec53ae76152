"""A local data set of feedback: observations that people labelled, in one Parquet file.

It stays where it was made: it holds addresses and names of somebody's network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import NO_EVASION
from flowml.detections.alert import Alert
from flowml.errors import DataError
from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences
from flowml.schema import MAX_ADDRESS_CHARS
from flowml.whole_files import unfinished_beside

FEEDBACK = "feedback.parquet"
SOURCE = "feedback"
_FORMAT = b"flowml.feedback"
_VERSION = b"1"
_SCHEMA = pa.schema(
    [
        ("incident", pa.int64()), ("identifier", pa.string()),
        ("is_mining", pa.bool_()), ("who", pa.string()), ("when_ms", pa.int64()), ("why", pa.string()),
        ("client_ip", pa.string()), ("client_port", pa.uint16()),
        ("server_ip", pa.string()), ("server_port", pa.uint16()),
        ("start_ms", pa.int64()), ("end_ms", pa.int64()), ("age_s", pa.float64()),
        ("client_bytes", pa.int64()), ("server_bytes", pa.int64()),
        ("client_packets", pa.int64()), ("server_packets", pa.int64()),
        ("saw_start", pa.bool_()), ("was_interrupted", pa.bool_()),
        ("application_name", pa.string()), ("server_name", pa.string()),
        ("time_ms", pa.list_(pa.int64())), ("size_bytes", pa.list_(pa.int32())),
    ],
    metadata={_FORMAT: _VERSION},
)  # fmt: skip
_ADDRESS = f"S{MAX_ADDRESS_CHARS}"


@dataclass(frozen=True)
class LabelledAlert:
    """An alert and what somebody said of it.

    Attributes
    ----------
    incident : int
        The origin: alerts of one incident are never on both sides of a split.
    alert : Alert
    is_mining : bool
    who, why : str
    when_ms : int
        Epoch, ms.
    """

    incident: int
    alert: Alert
    is_mining: bool
    who: str
    why: str
    when_ms: int


def write_feedback(folder: Path, labelled: Sequence[LabelledAlert]) -> Path:
    """Write the data set, whole or not at all; alerts without a packet strip are left out.

    Raises
    ------
    DataError
        It cannot be written.
    """
    path = folder / FEEDBACK
    rows = [_row(one) for one in labelled if one.alert.evidence.strip]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished_beside(path) as unfinished:
            pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), unfinished, compression="zstd")
            unfinished.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error}; free space or choose another place") from error
    return path


def _row(one: LabelledAlert) -> dict[str, Any]:
    alert, verdict, key = one.alert, one.alert.verdict, one.alert.verdict.key
    start_ms = alert.evidence.strip_start_ms
    copied = {
        name: getattr(verdict, name)
        for name in (
            "start_ms", "end_ms", "age_s", "client_bytes", "server_bytes", "client_packets", "server_packets",
            "saw_start", "was_interrupted", "application_name", "server_name",
        )
    }  # fmt: skip
    return {
        "incident": one.incident,
        "identifier": alert.identifier,
        "is_mining": one.is_mining,
        "who": one.who,
        "when_ms": one.when_ms,
        "why": one.why,
        "client_ip": key.client_ip,
        "client_port": key.client_port,
        "server_ip": key.server_ip,
        "server_port": key.server_port,
        **{name: _encodable(value) for name, value in copied.items()},
        "time_ms": [start_ms + round(at * 1000) for at, _ in alert.evidence.strip],
        "size_bytes": [size for _, size in alert.evidence.strip],
    }


def _encodable(value: Any) -> Any:
    """Names from packets may be no text: what UTF-8 cannot carry stands as escapes."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def read_feedback(folder: Path) -> LabelledObservations:
    """Read the data set of a folder.

    Raises
    ------
    DataError
        There is none, it cannot be read, or it is empty.
    """
    path = folder / FEEDBACK
    try:
        table = pq.read_table(path, schema=None)
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: {reason}; make it with flowml feedback export") from error
    if (table.schema.metadata or {}).get(_FORMAT) != _VERSION or not table.schema.equals(_SCHEMA):
        raise DataError(f"{path}: no feedback as this flowml writes it; make it with flowml feedback export")
    if not len(table):
        raise DataError(f"{path}: holds no connection; mark incidents as confirmed or false_alarm first")
    return _labelled(table.combine_chunks())


def _labelled(table: pa.Table) -> LabelledObservations:
    n = len(table)
    is_mining = _column(table, "is_mining", "?")
    origin = np.char.add(f"{SOURCE}/incident ", _column(table, "incident", "i8").astype(str))
    return LabelledObservations(
        _observations(table),
        is_mining=is_mining,
        family=np.where(is_mining, "confirmed", "false alarm"),
        carrier=np.full(n, ""),
        evasion=np.full(n, NO_EVASION),
        strength=np.full(n, NO_EVASION),
        origin=origin,
        source=np.full(n, SOURCE),
        file=np.full(n, FEEDBACK),
        is_emulated=np.zeros(n, bool),
        connection=np.arange(n, dtype=np.int64),
        lasted_s=(_column(table, "end_ms", "i8") - _column(table, "start_ms", "i8")) / 1000.0,
        sensor_start_s=np.zeros(n),
    )


def _observations(table: pa.Table) -> Observations:
    n = len(table)
    names = ("start_ms", "end_ms", "client_bytes", "server_bytes", "client_packets", "server_packets")
    whole = {name: _column(table, name, "i8") for name in names}
    times, sizes = (table[name].combine_chunks() for name in ("time_ms", "size_bytes"))
    age_s = _column(table, "age_s", "f8")
    return Observations(
        connection=np.arange(n, dtype=np.int64),
        client_ip=_text(table, "client_ip").astype(_ADDRESS),
        server_ip=_text(table, "server_ip").astype(_ADDRESS),
        client_port=_column(table, "client_port", "u2"),
        server_port=_column(table, "server_port", "u2"),
        age_s=age_s,
        reported_s=age_s,
        saw_start=_column(table, "saw_start", "?"),
        was_interrupted=_column(table, "was_interrupted", "?"),
        is_final=np.ones(n, bool),
        application_name=_text(table, "application_name"),
        server_name=_text(table, "server_name"),
        packets=PacketSequences.from_counts(
            times.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64),
            times.flatten().to_numpy(zero_copy_only=False),
            sizes.flatten().to_numpy(zero_copy_only=False),
        ),
        **whole,
    )


def _column(table: pa.Table, name: str, dtype: str) -> Any:
    return np.array(table[name].to_pylist(), dtype)


def _text(table: pa.Table, name: str) -> Any:
    return np.array([text.encode() for text in table[name].to_pylist()])
