"""Captures of data sets to labelled observations: metered, stitched, judged at their ages, labelled."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from joblib import Parallel, delayed

from flowml.capture.files import CaptureFile
from flowml.capture.settings import MeterSettings
from flowml.datasets.labels import LabelledObservations, label
from flowml.datasets.manifest import LabelledCapture
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.schema import FIRST_SEEN_MS

BATCH_RECORDS = 4096


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
        Worker processes, as joblib counts them.
    done : callable
        Told of each capture as it is finished.

    Returns
    -------
    list of Collected
        In the order of `captures`.
    """
    work = (delayed(_collect_one)(capture, tuple(late_s)) for capture in captures)
    results: Iterator[Collected] = Parallel(n_jobs=n_jobs, return_as="generator")(work)
    finished = []
    for result in results:
        done(result)
        finished.append(result)
    return finished


def _collect_one(capture: LabelledCapture, late_s: tuple[float, ...]) -> Collected:
    verified = replace(capture, sha256=capture.verify())
    settings = MeterSettings()
    try:
        file = CaptureFile(capture.path, settings, allow_partial=True)
        records = FlowBatch.concat(list(file.batches()))
    except CaptureError as error:
        return Collected(verified, None, str(error))
    parts = [label(capture, _observe_from(records, start_s), start_s) for start_s in late_s]
    parts = [part for part in parts if len(part)]
    return Collected(verified, LabelledObservations.concat(parts) if parts else None, "")


def _observe_from(records: FlowBatch, start_s: float) -> Observations:
    """Observe as a sensor would that was switched on later."""
    first_ms = int(records[FIRST_SEEN_MS].min(initial=np.iinfo(np.int64).max))
    late = records.take(np.flatnonzero(records[FIRST_SEEN_MS] >= first_ms + start_s * 1000))
    edges = range(0, len(late), BATCH_RECORDS)
    batches = [late.take(np.arange(edge, min(edge + BATCH_RECORDS, len(late)))) for edge in edges]
    return observe(batches, ConnectionSettings())
