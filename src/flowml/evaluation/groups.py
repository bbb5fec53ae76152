"""Results by group: families, carriers, evasions or actors, each judged by a classifier that never saw it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowml.datasets.labels import LabelledObservations
from flowml.evaluation.metrics import Share, connection_outcomes

SHORT_S, LONG_S, LASTING_S = 20.0, 60.0, 300.0
"""Lengths of connections by which recall is told, seconds."""


@dataclass(frozen=True)
class GroupResult:
    """What was called mining in one group.

    Attributes
    ----------
    name : str
    is_mining : bool
    short, long, lasting, every : Share
        Connections called mining, of those of 20 to 60 s, from 60 s on, from 300 s on, and of all.
    delay_s : ndarray of float64
        From first packet to verdict, of those called mining, seconds.
    """

    name: str
    is_mining: bool
    short: Share
    long: Share
    lasting: Share
    every: Share
    delay_s: NDArray[np.float64]


def group_result(
    name: str, labelled: LabelledObservations, probability: NDArray[np.float64], threshold: float
) -> GroupResult:
    """Count the connections of a group that reached the threshold.

    Parameters
    ----------
    name : str
    labelled : LabelledObservations
        n observations, of one class.
    probability : ndarray of float64, shape (n,)
    threshold : float
    """
    outcomes = connection_outcomes(
        labelled.connection, probability, labelled.observations.reported_s, threshold
    )
    lasted, found = labelled.lasted_s[outcomes.row], outcomes.is_detected

    def share(least_s: float, below_s: float = np.inf) -> Share:
        inside = (lasted >= least_s) & (lasted < below_s)
        return Share(int(np.count_nonzero(found & inside)), int(np.count_nonzero(inside)))

    return GroupResult(
        name,
        bool(labelled.is_mining.any()),
        share(SHORT_S, LONG_S),
        share(LONG_S),
        share(LASTING_S),
        share(0.0),
        outcomes.detected_after_s[found],
    )


def render_found(results: Sequence[GroupResult]) -> list[str]:
    """Render mining groups as Markdown lines."""
    lines = [
        (
            "| left out | found, 300 s or longer | 95 % interval | 60 s or longer | 20 to 60 s "
            "| delay median | delay 95 % |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        low, high = result.lasting.interval()
        delays = result.delay_s
        delay = [f"{np.quantile(delays, share):.0f} s" for share in (0.5, 0.95)] if len(delays) else ["", ""]
        lines.append(
            f"| {result.name} | {result.lasting} | {low:.1%} to {high:.1%} | {result.long} | {result.short} "
            f"| {delay[0]} | {delay[1]} |"
        )
    return lines


def render_alarms(results: Sequence[GroupResult]) -> list[str]:
    """Render benign groups as Markdown lines, those with the most false alarms first."""
    lines = ["| left out | false alarms | 95 % interval |", "|---|---|---|"]
    for result in sorted(results, key=lambda result: (-result.every.value, result.name)):
        low, high = result.every.interval()
        lines.append(f"| {result.name} | {result.every} | {low:.2%} to {high:.2%} |")
    return lines


def render_unseen(results: Sequence[tuple[str, GroupResult | None, GroupResult | None]]) -> list[str]:
    """Render, for each name, the false alarms in real captures and in the lab, as Markdown lines."""
    lines = ["| fitted without | in real captures | in the lab |", "|---|---|---|"]
    lines += [
        f"| {name} | {real.every} | {emulated.every} |"
        for name, real, emulated in results
        if real is not None and emulated is not None
    ]
    return lines
