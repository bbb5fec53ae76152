"""What a detector is unsure of, and whether probability or novelty says so."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flowml.datasets.labels import LabelledObservations
from flowml.detections.verdict import Thresholds, VerdictBatch
from flowml.evaluation.metrics import Share


@dataclass(frozen=True)
class Doubts:
    """Verdicts on the connections of one kind.

    Attributes
    ----------
    name : str
    mining : Share
        Called mining, of all.
    likely : Share
        Unsure because the highest probability is near the threshold.
    novel : Share
        Unsure for their novelty alone.
    """

    name: str
    mining: Share
    likely: Share
    novel: Share


def doubts(
    name: str, labelled: LabelledObservations, verdicts: VerdictBatch, thresholds: Thresholds
) -> Doubts:
    """Count connections by the gravest verdict on them.

    Parameters
    ----------
    name : str
    labelled : LabelledObservations
        n observations.
    verdicts : VerdictBatch
        Of the same n.
    thresholds : Thresholds
    """
    numbers, of = np.unique(labelled.connection, return_inverse=True)
    probability, novelty = np.zeros(len(numbers)), np.zeros(len(numbers))
    np.maximum.at(probability, of, verdicts.probability)
    np.maximum.at(novelty, of, verdicts.novelty)
    mining = probability >= thresholds.mining
    likely = ~mining & (probability >= thresholds.unsure)
    novel = ~mining & ~likely & (novelty >= thresholds.novelty)
    return Doubts(
        name, *(Share(int(np.count_nonzero(kind)), len(numbers)) for kind in (mining, likely, novel))
    )


def render_doubts(found: Sequence[Doubts]) -> list[str]:
    """Render as Markdown lines."""
    return [
        "| connections | called mining | unsure, for the probability | unsure, for novelty alone |",
        "|---|---|---|---|",
        *(f"| {each.name} | {each.mining} | {each.likely} | {each.novel} |" for each in found),
    ]
