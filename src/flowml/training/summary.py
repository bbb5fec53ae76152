"""What there is to say of a fit: figures of left-out origins, pictures, and what it was fitted on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flowml.datasets.labels import LabelledObservations
from flowml.evaluation.metrics import ConnectionOutcomes, Share, brier_score, connection_outcomes
from flowml.evaluation.plots import (
    detection_delay,
    importance_chart,
    recall_at_low_alarms,
    reliability_diagram,
)
from flowml.evaluation.report import LONG_S
from flowml.models.resemblance import UNNAMED
from flowml.registry.run import DatasetInput
from flowml.schema import FEATURE_COLUMNS
from flowml.training.collect import Collected
from flowml.training.fit import LeftOut


@dataclass(frozen=True)
class FitSummary:
    """Figures of a fit, each connection judged by a classifier that did not see its origin.

    Attributes
    ----------
    threshold : float
        From which a connection counts as called mining.
    outcomes : ConnectionOutcomes
        Of all n connections.
    is_mining, is_long : ndarray of bool, shape (n,)
        Their truth, and whether they lasted `flowml.evaluation.report.LONG_S`.
    metrics : mapping of str to float
        For machines.
    words : mapping of str to str
        For people, with counts and intervals.
    """

    threshold: float
    outcomes: ConnectionOutcomes
    is_mining: NDArray[np.bool_]
    is_long: NDArray[np.bool_]
    metrics: Mapping[str, float]
    words: Mapping[str, str]


def summarise(labelled: LabelledObservations, left_out: LeftOut, threshold: float) -> FitSummary:
    """Count what was found and what was wrongly found.

    Parameters
    ----------
    labelled : LabelledObservations
        All observations. Those that showed too little to be judged count as called benign: a miner that is
        never judged is missed.
    left_out : LeftOut
        The scores of the others.
    threshold : float
    """
    probability = np.zeros(len(labelled))
    probability[left_out.rows] = left_out.probability
    # a capture is observed again as a later sensor would: for the fit, not for counting connections
    whole = np.flatnonzero(labelled.sensor_start_s == 0)
    labelled, probability = labelled.take(whole), probability[whole]
    outcomes = connection_outcomes(
        labelled.connection, probability, labelled.observations.reported_s, threshold
    )
    is_mining, is_long = labelled.is_mining[outcomes.row], labelled.lasted_s[outcomes.row] >= LONG_S
    found = outcomes.is_detected
    evades = labelled.evasion[outcomes.row] != "none"
    plain = is_mining & ~evades
    long, evading = _share(found, plain & is_long), _share(found, evades & is_long)
    every, alarms = _share(found, plain), _share(found, ~is_mining)
    delay_s = outcomes.detected_after_s[found & plain & is_long]
    brier = brier_score(left_out.probability, left_out.labelled.is_mining, left_out.weight)
    metrics = {
        "left_out.recall_long": long.value,
        "left_out.recall": every.value,
        "left_out.recall_evading": evading.value,
        "left_out.false_alarm_share": alarms.value,
        "left_out.false_alarms": float(alarms.hits),
        "left_out.benign_connections": float(alarms.total),
        "left_out.mining_connections": float(every.total),
        "left_out.detection_delay_median_s": float(np.median(delay_s)) if len(delay_s) else float("nan"),
        "left_out.brier": brier,
    }
    words = {
        f"mining connections of {LONG_S:.0f} s or longer found": _in_words(long),
        "mining connections found, all lengths": _in_words(every),
        "benign connections called mining": _in_words(alarms),
        "median detection delay of the long ones": f"{np.median(delay_s):.0f} s" if len(delay_s) else "none",
        "Brier score of observations, weighted": f"{brier:.4f}",
    }
    if (named := _named_right(left_out)).total:
        metrics["left_out.family_named_right"] = named.value
        words["observations of mining whose family is named right"] = _in_words(named)
    if evading.total:
        words[f"miners that evade, {LONG_S:.0f} s or longer, found"] = _in_words(evading)
    known = {name: value for name, value in metrics.items() if np.isfinite(value)}
    return FitSummary(threshold, outcomes, is_mining, is_long, known, words)


def _named_right(left_out: LeftOut) -> Share:
    """How many observations of miners that do not evade are most like the family that they are of."""
    labelled = left_out.labelled
    asked = labelled.is_mining & (labelled.evasion == "none") & ~np.isin(labelled.family, list(UNNAMED))
    return _share(left_out.resembles == labelled.family, asked)


def draw(left_out: LeftOut, summary: FitSummary, importance: NDArray[np.float64]) -> dict[str, Figure]:
    """Draw the pictures of a fit.

    Parameters
    ----------
    left_out : LeftOut
    summary : FitSummary
    importance : ndarray of float64, shape (n_features, n_repeats)

    Returns
    -------
    dict of str to Figure
        By the name under which they are kept.
    """
    outcomes, long_mining = summary.outcomes, summary.is_mining & summary.is_long
    figures = {
        "recall_at_low_false_alarms": recall_at_low_alarms(
            summary.is_mining, outcomes.probability, summary.threshold
        ),
        "calibration": reliability_diagram(
            left_out.labelled.is_mining, left_out.probability, left_out.weight
        ),
        "permutation_importance": importance_chart([column.name for column in FEATURE_COLUMNS], importance),
    }
    if long_mining.any():
        kind = f"mining connections of {LONG_S:.0f} s or longer"
        figures["detection_delay"] = detection_delay(outcomes.detected_after_s[long_mining], kind)
    return figures


def data_rows(collected: Sequence[Collected]) -> list[dict[str, Any]]:
    """One row for each source: licence, captures, mining and benign connections."""
    rows = []
    for source, parts in _by_source(collected).items():
        mining, benign = (sum(_connections(part, is_mining) for part in parts) for is_mining in (True, False))
        licence = ", ".join(sorted({part.capture.licence for part in parts}))
        rows.append(
            {"source": source, "licence": licence, "captures": len(parts), "mining": mining, "benign": benign}
        )
    return rows


def dataset_inputs(collected: Sequence[Collected]) -> tuple[DatasetInput, ...]:
    """One data set for each source; its digest is over the checksums of the captures that were used."""
    inputs = []
    for row, parts in zip(data_rows(collected), _by_source(collected).values(), strict=True):
        sums = sorted(f"{part.capture.sha256}  {part.capture.path.name}\n" for part in parts)
        inputs.append(
            DatasetInput(
                name=row["source"],
                digest=hashlib.sha256("".join(sums).encode()).hexdigest(),
                source=str(parts[0].capture.path.parent),
                use="training",
                facts={name: row[name] for name in ("captures", "mining", "benign")},
            )
        )
    return tuple(inputs)


def _by_source(collected: Sequence[Collected]) -> dict[str, list[Collected]]:
    sources: dict[str, list[Collected]] = {}
    for part in collected:
        if part.labelled is not None:
            sources.setdefault(part.capture.source, []).append(part)
    return sources


def _connections(part: Collected, is_mining: bool) -> int:
    """Connections of a capture; those that later sensors saw of it are no others."""
    labelled = part.labelled
    if labelled is None:
        return 0
    counted = (labelled.is_mining == is_mining) & (labelled.sensor_start_s == 0)
    return len(np.unique(labelled.connection[counted]))


def _share(found: NDArray[np.bool_], which: NDArray[np.bool_]) -> Share:
    return Share(int(np.count_nonzero(found & which)), int(np.count_nonzero(which)))


def _in_words(share: Share) -> str:
    low, high = share.interval()
    return f"{share} (95 % interval {low:.2%} to {high:.2%})"
