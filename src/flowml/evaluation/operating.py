"""Operating points: recall at rates of false alarms, recall against age, false alarms per host-day."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowml.datasets.labels import LabelledObservations
from flowml.evaluation.metrics import ConnectionOutcomes, Share, connection_outcomes, threshold_for

ONE_IN = (1_000, 10_000, 100_000)
"""Benign connections for one false alarm."""

AGES_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
LONG_S = 60.0
DAY_MS = 86_400_000.0
SILENCE_MS = 3_600_000
"""A client that is silent for longer was not there: files that were merged span years."""


@dataclass(frozen=True)
class Operating:
    """What a classifier does at several thresholds and ages.

    Attributes
    ----------
    name : str
    recall_at : tuple of Share
        Mining connections of `LONG_S` or longer that are found at each rate of `ONE_IN`.
    recall_by : tuple of Share
        Those found at the model's threshold by each age of `AGES_S`, of all that lasted as long as that.
    false_alarms : Share
        Benign connections called mining at the model's threshold, of all.
    host_days : float
        Days that benign clients were seen in each capture, added up, without silences of an hour or more.
    """

    name: str
    recall_at: tuple[Share, ...]
    recall_by: tuple[Share, ...]
    false_alarms: Share
    host_days: float


def operating(
    name: str, labelled: LabelledObservations, probability: NDArray[np.float64], threshold: float
) -> Operating:
    """Count at rates and ages.

    Parameters
    ----------
    name : str
    labelled : LabelledObservations
        n observations of both classes.
    probability : ndarray of float64, shape (n,)
        From a model that was not fitted on them.
    threshold : float
    """
    benign = np.flatnonzero(~labelled.is_mining)
    wrong = _outcomes(labelled.take(benign), probability[benign], threshold)
    rows = np.flatnonzero(labelled.is_mining)
    mining = labelled.take(rows)
    found = _outcomes(mining, probability[rows], threshold)
    lasted = mining.lasted_s[found.row]
    # without benign connections there is no rate, and nothing found at it
    long = found.probability[(lasted >= LONG_S) & bool(len(benign))]
    cuts = [threshold_for(wrong.probability, 1 / one_in, at_least=0.0) for one_in in ONE_IN]
    return Operating(
        name,
        tuple(Share(int(np.count_nonzero(long >= cut)), len(long)) for cut in cuts),
        tuple(_found_by(found, lasted, age_s) for age_s in AGES_S),
        Share(int(np.count_nonzero(wrong.is_detected)), len(wrong.row)),
        _host_days(labelled.take(benign)),
    )


def _outcomes(
    labelled: LabelledObservations, probability: NDArray[np.float64], threshold: float
) -> ConnectionOutcomes:
    return connection_outcomes(labelled.connection, probability, labelled.observations.reported_s, threshold)


def _found_by(found: ConnectionOutcomes, lasted_s: NDArray[np.float64], age_s: float) -> Share:
    alive = lasted_s >= age_s
    # a report at an age is told with the first packet after it
    in_time = alive & (found.detected_after_s < 1.1 * age_s + 1.0)
    return Share(int(np.count_nonzero(in_time)), int(np.count_nonzero(alive)))


def _host_days(labelled: LabelledObservations) -> float:
    seen = labelled.observations
    hosts = np.stack([labelled.source.astype("S"), labelled.file.astype("S"), seen.client_ip])
    _, host = np.unique(hosts, axis=1, return_inverse=True)
    order = np.lexsort((seen.start_ms, host.ravel()))
    total_ms, before, since, until = 0, -1, 0, 0
    rows = zip(
        host.ravel()[order].tolist(), seen.start_ms[order].tolist(), seen.end_ms[order].tolist(), strict=True
    )
    for number, start_ms, end_ms in rows:
        if number != before or start_ms > until + SILENCE_MS:
            total_ms, before, since, until = total_ms + until - since, number, start_ms, end_ms
        until = max(until, end_ms)
    return (total_ms + until - since) / DAY_MS


def render_operating(results: Sequence[Operating]) -> list[str]:
    """Render as Markdown lines: recall at rates, recall by age, false alarms per host-day."""
    rates = " | ".join(f"1 in {one_in:,}" for one_in in ONE_IN)
    ages = " | ".join(f"{age_s:.0f} s" for age_s in AGES_S)
    return [
        (
            f"Mining connections of {LONG_S:.0f} s or longer found at a rate of false alarms. Where fewer "
            "benign connections were judged than the rate asks for, not one of them is above the threshold."
        ),
        "",
        f"| judged | {rates} | benign connections |",
        "|---|" + "---|" * (len(ONE_IN) + 1),
        *(
            f"| {r.name} | {' | '.join(map(_percent, r.recall_at))} | {r.false_alarms.total:,} |"
            for r in results
        ),
        "",
        "Mining connections found by an age at the model's threshold, of those that lasted as long:",
        "",
        f"| judged | {ages} |",
        "|---|" + "---|" * len(AGES_S),
        *(f"| {r.name} | {' | '.join(map(_percent, r.recall_by))} |" for r in results),
        "",
        "False alarms by the time that benign clients were seen, without silences of an hour or more:",
        "",
        "| judged | false alarms | host-days | per host-day |",
        "|---|---|---|---|",
        *(f"| {r.name} | {r.false_alarms} | {r.host_days:.2f} | {_per_day(r)} |" for r in results),
    ]


def _percent(share: Share) -> str:
    return f"{share.value:.1%} ({share})" if share.total else ""


def _per_day(result: Operating) -> str:
    if not result.host_days:
        return ""
    if not result.false_alarms.hits:  # none in T days: with 95 % certainty fewer than 3 in T
        return f"0, below {3 / result.host_days:.1f} with 95 % certainty"
    return f"{result.false_alarms.hits / result.host_days:.2f}"
