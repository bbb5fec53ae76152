"""Captures of data sets to labelled observations: metered, stitched, judged at their ages, labelled."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flowml.capture.files import CaptureFile
from flowml.capture.settings import MeterSettings
from flowml.datasets.feedback import FEEDBACK, SOURCE, read_feedback
from flowml.datasets.labels import LabelledObservations, label
from flowml.datasets.manifest import LabelledCapture
from flowml.datasets.store import read_flows
from flowml.errors import CaptureError, DataError
from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences
from flowml.parallel import in_workers
from flowml.schema import DST_SYN, FIRST_SEEN_MS, LAST_SEEN_MS, SRC_SYN

BATCH_RECORDS = 4096
FLOW_TABLE = ".parquet"


@dataclass(frozen=True)
class Collected:
    """What one capture gave.

    Attributes
    ----------
    capture : LabelledCapture
        With its checksum.
    labelled : LabelledObservations or None
        None where the capture could not be metered.
    problem : str
        Why it could not, or was only in part.
    """

    capture: LabelledCapture
    labelled: LabelledObservations | None
    problem: str


def observe(batches: Sequence[FlowBatch], settings: ConnectionSettings) -> Observations:
    """Observe the connections of one capture from its records."""
    table = ConnectionTable(settings)
    return Observations.concat([*(table.update(batch) for batch in batches), table.flush()])


def collect(
    captures: Sequence[LabelledCapture],
    *,
    late_s: Sequence[float] = (0.0,),
    n_jobs: int = -1,
    done: Callable[[Collected], None] = lambda _: None,
) -> list[Collected]:
    """Meter captures in parallel processes.

    Parameters
    ----------
    captures : sequence of LabelledCapture
    late_s : sequence of float
        The sensor starts that many seconds after the capture's first packet, once for each: a connection
        that was there before is to be found too, so a model must have seen some.
    n_jobs : int
        Worker processes; -1: as many as there are cores.
    done : callable
        Told of each capture as it is finished.

    Returns
    -------
    list of Collected
        In the order of `captures`.
    """
    work = ((capture, tuple(late_s)) for capture in captures)
    finished: list[Collected] = []
    for result in in_workers(n_jobs, _collect_one, work):
        done(result)
        finished.append(result)
    return finished


def from_feedback(folder: Path) -> Collected:
    """Take what people said of incidents for one more capture; `DataError` if it cannot be read."""
    labelled = read_feedback(folder)
    told = LabelledCapture(
        path=folder / FEEDBACK,
        source=SOURCE,
        licence="of this site alone",
        is_emulated=False,
        may_fit=True,
        sha256=None,
        is_mining=None,
        servers=(),
    )
    return Collected(replace(told, sha256=told.verify()), labelled, "")


def gather(
    captures: Sequence[LabelledCapture],
    late_s: Sequence[float],
    progress: Callable[[str], None] = lambda _: None,
) -> LabelledObservations:
    """Collect the labelled observations of captures, all in one.

    Raises
    ------
    DataError
        There is none.
    """
    done = 0

    def tell(_: object) -> None:
        nonlocal done
        done += 1
        progress(f"capture {done} of {len(captures)}")

    collected = collect(captures, late_s=late_s, done=tell)
    parts = [part.labelled for part in collected if part.labelled is not None]
    if not parts:
        raise DataError(
            "no labelled connections on one side of the split: an evaluation needs data sets to fit on and "
            "others that may not be fitted on"
        )
    return LabelledObservations.concat(parts)


def _collect_one(capture: LabelledCapture, late_s: tuple[float, ...]) -> Collected:
    verified = replace(capture, sha256=capture.verify())
    try:
        records = FlowBatch.concat(list(_records(capture)))
    except CaptureError as error:
        return Collected(verified, None, str(error))
    parts = [label(capture, _observe_from(records, start_s), start_s) for start_s in late_s]
    parts = [part for part in parts if len(part)]
    return Collected(verified, LabelledObservations.concat(parts) if parts else None, "")


def _records(capture: LabelledCapture) -> Iterator[FlowBatch]:
    """Meter a capture, or read the flow table that was made of one."""
    if capture.path.suffix == FLOW_TABLE:
        batches, _ = read_flows(capture.path)
        return batches
    return CaptureFile(capture.path, MeterSettings(), allow_partial=True).batches()


def _observe_from(records: FlowBatch, start_s: float) -> Observations:
    """Observe as a sensor would that was switched on later."""
    if start_s > 0 and len(records):
        records = switched_on_at(records, int(records[FIRST_SEEN_MS].min()) + int(start_s * 1000))
    edges = range(0, len(records), BATCH_RECORDS)
    batches = [records.take(np.arange(edge, min(edge + BATCH_RECORDS, len(records)))) for edge in edges]
    return observe(batches, ConnectionSettings())


def switched_on_at(records: FlowBatch, start_ms: int) -> FlowBatch:
    """Give what a sensor would have reported that was switched on at `start_ms` (epoch, ms).

    Records that ended before are gone, of the others the packets before; a handshake before was not seen.
    Statistics other than the counts of SYN packets stay those of the whole record.
    """
    records = records.take(np.flatnonzero(records[LAST_SEEN_MS] >= start_ms))
    begun = records[FIRST_SEEN_MS] < start_ms
    packets = records.packets
    seen = packets.time_ms >= start_ms
    owner = np.repeat(np.arange(len(records)), packets.counts)
    counts = np.bincount(owner[seen], minlength=len(records))
    kept = PacketSequences.from_counts(counts, packets.time_ms[seen], packets.size_bytes[seen])
    columns = dict(records.columns)
    for column in (SRC_SYN, DST_SYN):
        columns[column.name] = np.where(begun, 0, records[column])
    first = records[LAST_SEEN_MS].copy()  # of records without payload the last packet is the only one known
    first[counts > 0] = kept.time_ms[kept.offsets[:-1][counts > 0]]
    columns[FIRST_SEEN_MS.name] = np.where(begun, first, records[FIRST_SEEN_MS])
    return FlowBatch(columns, kept)
