"""Evaluation report: connections by source, found and wrongly found, as tables that a sceptic can remake."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowml.datasets.labels import LabelledObservations
from flowml.evaluation.metrics import ConnectionOutcomes, Share, connection_outcomes
from flowml.flows.key import host_port

LONG_S = 60.0
"""Connections from this length on are the ones that a detector is held to."""


@dataclass(frozen=True)
class SourceResult:
    """What was found in one source.

    Attributes
    ----------
    source : str
    is_mining : bool
    long, every : Share
        Connections called mining, of those that lasted `LONG_S` or more, and of all.
    delay_s : ndarray of float64
        Detection delays of the long ones, seconds.
    hours : float
        Connection hours observed.
    """

    source: str
    is_mining: bool
    long: Share
    every: Share
    delay_s: NDArray[np.float64]
    hours: float


@dataclass(frozen=True)
class Alarm:
    """A benign connection that was called mining, for a person to look at."""

    file: str
    connection: str
    probability: float
    lasted_s: float


def evaluate_source(
    source: str, labelled: LabelledObservations, probability: NDArray[np.float64], threshold: float
) -> tuple[list[SourceResult], list[Alarm]]:
    """Evaluate the observations of one source, mining and benign apart.

    Parameters
    ----------
    source : str
    labelled : LabelledObservations
        n observations.
    probability : ndarray of float64, shape (n,)
    threshold : float
    """
    results, alarms = [], []
    for is_mining in (True, False):
        rows = np.flatnonzero(labelled.is_mining == is_mining)
        if not len(rows):
            continue
        part = labelled.take(rows)
        outcomes = connection_outcomes(
            part.connection, probability[rows], part.observations.reported_s, threshold
        )
        results.append(_result(source, is_mining, part, outcomes))
        if not is_mining:
            alarms += [
                _alarm(part, outcomes, number) for number in np.flatnonzero(outcomes.is_detected).tolist()
            ]
    return results, alarms


def _result(
    source: str, is_mining: bool, part: LabelledObservations, outcomes: ConnectionOutcomes
) -> SourceResult:
    lasted, found = part.lasted_s[outcomes.row], outcomes.is_detected
    long = lasted >= LONG_S
    return SourceResult(
        source,
        is_mining,
        Share(int(np.count_nonzero(found & long)), int(np.count_nonzero(long))),
        Share(int(np.count_nonzero(found)), len(found)),
        outcomes.detected_after_s[found & long],
        float(lasted.sum() / 3600.0),
    )


def _alarm(part: LabelledObservations, outcomes: ConnectionOutcomes, number: int) -> Alarm:
    row = int(outcomes.row[number])
    key = part.observations.key(row)
    ends = f"{host_port(key.client_ip, key.client_port)} > {host_port(key.server_ip, key.server_port)}"
    return Alarm(
        f"{part.source[row]}/{part.file[row]}",
        ends,
        float(outcomes.probability[number]),
        float(part.lasted_s[row]),
    )


def render_results(results: Sequence[SourceResult]) -> list[str]:
    """Render both tables as Markdown lines."""
    mining = [result for result in results if result.is_mining]
    benign = [result for result in results if not result.is_mining]
    lines = [
        (
            "| mining source | found, 60 s or longer | 95 % interval | found, all lengths "
            "| delay median | delay 95 % |"
        ),
        "|---|---|---|---|---|---|",
    ]
    lines += [_mining_row(result) for result in mining]
    lines += [
        "",
        "| benign source | false alarms | 95 % interval | of those 60 s or longer | connection hours |",
        "|---|---|---|---|---|",
    ]
    lines += [_benign_row(result) for result in benign]
    total = Share(sum(r.every.hits for r in benign), sum(r.every.total for r in benign))
    low, high = total.interval()
    return [
        *lines,
        f"| together | {total} | {low:.2%} to {high:.2%} | | {sum(r.hours for r in benign):.1f} |",
    ]


def _mining_row(result: SourceResult) -> str:
    low, high = result.long.interval()
    delays = result.delay_s
    delay = [f"{np.quantile(delays, share):.0f} s" for share in (0.5, 0.95)] if len(delays) else ["", ""]
    return (
        f"| {result.source} | {result.long} | {low:.1%} to {high:.1%} | {result.every} "
        f"| {delay[0]} | {delay[1]} |"
    )


def _benign_row(result: SourceResult) -> str:
    low, high = result.every.interval()
    return (
        f"| {result.source} | {result.every} | {low:.2%} to {high:.2%} | {result.long} | {result.hours:.1f} |"
    )
