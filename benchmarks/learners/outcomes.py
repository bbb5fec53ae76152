"""From scores to what was found: calibration, one rule for thresholds, recall and false alarms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rounds import Material, Round

from flowml.evaluation.groups import LASTING_S
from flowml.evaluation.metrics import ConnectionOutcomes, Share, connection_outcomes, threshold_for
from flowml.models.calibration import FULL_AGE_S, fit_calibration
from flowml.training.fit import TrainingSettings

UNTUNNELLED = ("plain", "tls", "")
"""Carriers told apart from the others; real captures do not say."""


@dataclass(frozen=True)
class Outcome:
    """What a learner made of one round.

    `direct` and `honest` are recall in plain and TLS, of all and of those that do not evade; `carried` is
    recall through all other carriers; `real` and `lab` are false alarms among the benign origins left out.
    `highest` is the most probable of the real ones, beside the round's threshold.
    """

    direct: Share
    honest: Share
    carried: Share
    real: Share
    lab: Share
    highest: float
    threshold: float


def calibrated(of: Material, these: Sequence[Round], scores: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Turn the scores of each round to logits on one scale, by what left-out observations were."""
    rows, score = np.concatenate([each.scored for each in these]), np.concatenate(scores)
    weight = of.weight[rows] / np.bincount(rows)[rows]
    learnt = weight > 0
    found = fit_calibration(
        1 / (1 + np.exp(-score[learnt])),
        of.judged.is_mining[rows][learnt],
        weight[learnt],
        of.judged.observations.age_s[rows][learnt],
        TrainingSettings().early_discount,
    )
    return [found.slope * each + found.intercept for each in scores]


def outcomes(
    of: Material, these: Sequence[Round], logits: Sequence[np.ndarray], lab_share: float
) -> list[Outcome]:
    """Judge each round at the threshold that the rounds with other parts of the benign origins ask for.

    None of the real connections there is above it, and `lab_share` of the lab's.
    """
    probability = [_probability(of, each, logit) for each, logit in zip(these, logits, strict=True)]
    highest = [_highest(of, each, whole) for each, whole in zip(these, probability, strict=True)]
    results = []
    for this, whole in zip(these, probability, strict=True):
        others = [each for other, each in zip(these, highest, strict=True) if other.part != this.part]
        results.append(_outcome(of, this, whole, _threshold(others, lab_share)))
    return results


def _probability(of: Material, this: Round, logit: np.ndarray) -> np.ndarray:
    """Of every observation, less while a connection is young; 0 of what shows too little to be judged."""
    whole = np.zeros(len(of.labelled))
    age_s = of.judged.observations.age_s[this.scored]
    young = np.log10(FULL_AGE_S / np.clip(age_s, 10.0, FULL_AGE_S))
    whole[of.rows[this.scored]] = 1 / (1 + np.exp(TrainingSettings().early_discount * young - logit))
    return whole


def _highest(of: Material, this: Round, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Highest probability of each benign connection left out: of real captures, and of the lab."""
    real, lab = (
        _connections(of, _unseen(of, this, is_emulated), whole, 1.0)[1].probability
        for is_emulated in (False, True)
    )
    return real, lab


def _unseen(of: Material, this: Round, is_emulated: bool) -> np.ndarray:
    return of.rows[this.unseen & (of.judged.is_emulated == is_emulated)]


def _threshold(highest: Sequence[tuple[np.ndarray, np.ndarray]], lab_share: float) -> float:
    real, lab = (np.concatenate(each) for each in zip(*highest, strict=True))
    return max(threshold_for(real, 0.0, at_least=0.0), threshold_for(lab, lab_share, at_least=0.0))


def _connections(
    of: Material, rows: np.ndarray, whole: np.ndarray, threshold: float
) -> tuple[np.ndarray, ConnectionOutcomes]:
    """Row of the gravest observation of each connection, and what became of them."""
    found = connection_outcomes(
        of.labelled.connection[rows], whole[rows], of.labelled.observations.reported_s[rows], threshold
    )
    return rows[found.row], found


def _outcome(of: Material, this: Round, whole: np.ndarray, threshold: float) -> Outcome:
    family = np.flatnonzero(of.labelled.is_mining & (of.labelled.family == this.family))
    mining, found = _connections(of, family, whole, threshold)
    lasting = of.labelled.lasted_s[mining] >= LASTING_S
    direct = lasting & np.isin(of.labelled.carrier[mining], UNTUNNELLED)
    _, real = _connections(of, _unseen(of, this, False), whole, threshold)
    _, lab = _connections(of, _unseen(of, this, True), whole, threshold)
    return Outcome(
        _share(found, direct),
        _share(found, direct & (of.labelled.evasion[mining] == "none")),
        _share(found, lasting & ~direct),
        _share(real, np.ones(len(real.row), bool)),
        _share(lab, np.ones(len(lab.row), bool)),
        real.probability.max(initial=0.0),
        threshold,
    )


def _share(found: ConnectionOutcomes, which: np.ndarray) -> Share:
    return Share(int(np.count_nonzero(found.is_detected & which)), int(np.count_nonzero(which)))
