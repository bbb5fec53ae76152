"""A plain random forest on NFStream's statistics of records, split by origin: what a tutorial would build."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from programs import Called, ends
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold

from flowml.capture.files import CaptureFile
from flowml.capture.settings import MeterSettings
from flowml.datasets.manifest import LabelledCapture
from flowml.datasets.store import read_flows
from flowml.errors import CaptureError
from flowml.evaluation.metrics import threshold_for
from flowml.flows.batch import FlowBatch
from flowml.flows.key import TCP
from flowml.schema import DST_IP, DST_PORT, PROTOCOL, SRC_IP, SRC_PORT, STATISTIC_COLUMNS

FALSE_ALARM_SHARE = 1e-4
SEED = 20261123


@dataclass(frozen=True)
class Records:
    """TCP records of one capture with their truth."""

    capture: LabelledCapture
    statistics: np.ndarray
    is_mining: np.ndarray
    origin: np.ndarray
    ends: list


def random_forest(captures: Sequence[LabelledCapture]) -> Called:
    """Connections that a forest calls mining, which was fitted on other origins.

    Captures that may be fitted on are judged by the forest of their fold, all others by one that was fitted
    on all of the former. The threshold is chosen as flowml's: one false alarm in 10,000 records of real
    captures that were left out.
    """
    parts = Parallel(n_jobs=2)(delayed(_records)(capture) for capture in captures)
    parts = [part for part in parts if part is not None and len(part.is_mining)]
    fitted = [part for part in parts if part.capture.may_fit]
    x, y, origin = (
        np.concatenate([getattr(part, name) for part in fitted])
        for name in ("statistics", "is_mining", "origin")
    )
    real = np.repeat([not p.capture.is_emulated for p in fitted], [len(p.is_mining) for p in fitted])
    score = np.zeros(len(y))
    for seen, left in StratifiedGroupKFold(5, shuffle=True, random_state=SEED).split(x, y, origin):
        score[left] = _forest().fit(x[seen], y[seen]).predict_proba(x[left])[:, 1]
    if not (real & ~y).any():
        sys.exit("no benign record of real captures that may be fitted on: nothing to choose a threshold by")
    threshold = threshold_for(score[real & ~y], FALSE_ALARM_SHARE)
    forest = _forest().fit(x, y)
    called: Called = {}
    start = 0
    for part in parts:
        n = len(part.is_mining)
        if part.capture.may_fit:
            scores, start = score[start : start + n], start + n
        else:
            scores = forest.predict_proba(part.statistics)[:, 1]
        hits = {part.ends[row] for row in np.flatnonzero(scores >= threshold).tolist()}
        called.setdefault(f"{part.capture.source}/{part.capture.path.name}", set()).update(hits)
    return called


def _forest() -> RandomForestClassifier:
    return RandomForestClassifier(
        200, min_samples_leaf=2, class_weight="balanced", random_state=SEED, n_jobs=2
    )


def _records(capture: LabelledCapture) -> Records | None:
    try:
        if capture.path.suffix == ".parquet":
            batches = list(read_flows(capture.path)[0])
        else:
            batches = list(CaptureFile(capture.path, MeterSettings(), allow_partial=True).batches())
    except CaptureError:
        return None
    records = FlowBatch.concat(batches)
    records = records.take(np.flatnonzero(records[PROTOCOL] == TCP))
    sides = [
        zip(map(bytes.decode, records[ip].tolist()), records[port].tolist(), strict=True)
        for ip, port in ((SRC_IP, SRC_PORT), (DST_IP, DST_PORT))
    ]
    both = list(zip(*sides, strict=True))
    truth = {(server.ip, server.port): server for server in capture.servers}
    servers = [truth.get(destination) or truth.get(source) for source, destination in both]
    known = capture.is_mining is not None
    rows = [row for row, server in enumerate(servers) if known or server is not None]
    whole = f"{capture.source}/{capture.path.name}"
    return Records(
        capture,
        np.stack([records[column][rows] for column in STATISTIC_COLUMNS], axis=1).astype(np.float64),
        np.array([capture.is_mining if known else servers[row].is_mining for row in rows], bool),
        np.array([whole if known else servers[row].origin for row in rows], object),
        [ends(*both[row][0], *both[row][1]) for row in rows],
    )
