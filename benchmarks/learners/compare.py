"""Learners beside each other, each fitted without one mining family after the other.

    python benchmarks/learners/compare.py DATASET... [--cache DIR] [--scores DIR] [-o learners.md]

What a learner gave in a round is kept under --scores and not computed again, so that a run that was stopped
goes on and two can share the work with --only; empty the folder after a change.
"""

import argparse
import pickle
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from learners import LEARNERS, Fitted, Learner
from outcomes import calibrated, outcomes
from report import Cost, figures, report
from rounds import Material, Round, material, rounds
from threadpoolctl import threadpool_limits

from flowml.training.fit import TrainingSettings

COMBINED = (
    ("randomised trees", "sequences"),
    ("randomised trees", "one class, neighbours"),
    ("randomised trees", "one class, isolation"),
    ("randomised trees", "boosting"),
    ("randomised trees", "boosting", "sequences"),
    ("randomised trees", "boosting", "one class, isolation"),
)
SHARE = TrainingSettings().lookalike_alarm_share
STRICT = SHARE / 10
"""Of the lab's benign connections that may be above the threshold: as many as a model allows, and fewer."""

TIMED = 20_000
"""Observations whose scoring is timed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--scores", type=Path, default=Path("build/learners"))
    names = [learner.name for learner in LEARNERS]
    parser.add_argument("--only", action="append", choices=names, help="fit this and write no report")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/evaluation/learners.md"))
    asked = parser.parse_args()
    of = material(asked.datasets, asked.cache)
    these = list(rounds(of))
    asked.scores.mkdir(parents=True, exist_ok=True)
    for learner in LEARNERS:
        if not asked.only or learner.name in asked.only:
            run(of, these, learner, asked.scores)
    if asked.only:
        return
    logits, costs = {}, {}
    for learner in LEARNERS:
        kept = [np.load(_place(asked.scores, learner, this)) for this in these]
        logits[learner.name] = calibrated(of, these, [each["score"] for each in kept])
        costs[learner.name] = Cost(
            int(np.median([each["bytes"] for each in kept])),
            float(np.median([each["per_second"] for each in kept])),
        )
    logits |= {" + ".join(names): _mean(of, these, logits, names) for names in COMBINED}
    found, strict = (
        {name: outcomes(of, these, each, share) for name, each in logits.items()} for share in (SHARE, STRICT)
    )
    asked.output.write_text("\n".join([*report(of, these, (found, strict), costs), ""]), encoding="utf-8")
    asked.output.with_suffix(".csv").write_text(figures(these, found), encoding="utf-8")


def run(of: Material, these: Sequence[Round], learner: Learner, scores: Path) -> None:
    """Fit and score each round that is not kept yet; one thread, whatever else the machine does."""
    missing = [this for this in these if not _place(scores, learner, this).exists()]
    if not missing:
        return
    seen = learner.sees(of.judged.observations)
    timed = np.sort(np.random.default_rng(0).choice(len(of.judged), TIMED, replace=False))
    for this in missing:
        print(f"{time.strftime('%H:%M:%S')} {learner.name}, without {this.family}", flush=True)
        fit = np.flatnonzero(~this.group & ~this.unseen & (of.weight > 0))
        with threadpool_limits(1):
            fitted = learner.fit(seen[fit], of.judged.is_mining[fit], of.weight[fit])
            score = fitted.score(seen[this.scored])
            per_second = _per_second(of, learner, fitted, timed)
        size = len(zlib.compress(pickle.dumps(fitted.state)))
        np.savez(_place(scores, learner, this), score=score, bytes=size, per_second=per_second)


def _per_second(of: Material, learner: Learner, fitted: Fitted, timed: np.ndarray) -> float:
    """Observations from their packets to a score, by the time of this process alone."""
    observations = of.judged.observations.take(timed)
    began = time.process_time()
    fitted.score(learner.sees(observations))
    return len(timed) / (time.process_time() - began)


def _mean(
    of: Material, these: Sequence[Round], logits: Mapping[str, list[np.ndarray]], names: Sequence[str]
) -> list[np.ndarray]:
    return calibrated(
        of, these, [np.mean(each, axis=0) for each in zip(*(logits[name] for name in names), strict=True)]
    )


def _place(scores: Path, learner: Learner, this: Round) -> Path:
    return scores / f"{learner.name.replace(', ', '-').replace(' ', '-')}-{this.family}.npz"


if __name__ == "__main__":
    main()
