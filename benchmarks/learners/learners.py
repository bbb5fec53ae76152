"""The learners that are compared: what each sees, how it is fitted, and how it scores."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from grams import message_grams
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from flowml.features.matrix import feature_matrix
from flowml.flows.observations import Observations
from flowml.models.classifier import RandomisedTrees, build_classifier
from flowml.models.scaling import scaled
from flowml.models.slimming import slim
from flowml.training.fit import TrainingSettings

SEED = TrainingSettings().seed
DRAWN = 10_000
"""Observations of mining that a one-class model is fitted on, drawn by their weight."""


@dataclass(frozen=True)
class Fitted:
    """What would be stored of a fitted learner, and its score of what it sees: higher for mining."""

    state: Any
    score: Callable[[Any], np.ndarray]


@dataclass(frozen=True)
class Learner:
    """What it is called, what it sees of observations, and how it is fitted: rows, truth, weight."""

    name: str
    sees: Callable[[Observations], Any]
    fit: Callable[[Any, np.ndarray, np.ndarray], Fitted]


def features(observations: Observations) -> np.ndarray:
    return scaled(feature_matrix(observations))


def _trees(rows: np.ndarray, is_mining: np.ndarray, weight: np.ndarray) -> Fitted:
    classifier = build_classifier(SEED).fit(rows, is_mining, sample_weight=weight)
    slim(classifier)
    trees = RandomisedTrees.of(classifier)
    return Fitted(classifier, lambda seen: logit(trees.score(seen)))


def _boosting(rows: np.ndarray, is_mining: np.ndarray, weight: np.ndarray) -> Fitted:
    """Many small trees, each split from a few features: larger ones are surer of themselves."""
    classifier = HistGradientBoostingClassifier(
        max_iter=250,
        max_leaf_nodes=16,
        min_samples_leaf=40,
        l2_regularization=10.0,
        max_features=0.15,
        early_stopping=False,  # a random hold-out would hold observations of connections that were fitted on
        random_state=SEED,
    ).fit(rows, is_mining, sample_weight=weight)
    return Fitted(classifier, classifier.decision_function)


def _sequence(rows: Any, is_mining: np.ndarray, weight: np.ndarray) -> Fitted:
    classifier = LogisticRegression(C=1.0, max_iter=200, tol=1e-5)
    classifier.fit(rows, is_mining, sample_weight=weight.astype(np.float32))
    return Fitted(classifier, classifier.decision_function)


def _one_class(
    fit: Callable[[np.ndarray], tuple[Any, Callable[[np.ndarray], np.ndarray]]],
) -> Callable[[np.ndarray, np.ndarray, np.ndarray], Fitted]:
    """Fit on mining alone, each feature by its mean and spread there."""

    def fitted(rows: np.ndarray, is_mining: np.ndarray, weight: np.ndarray) -> Fitted:
        generator = np.random.default_rng(SEED)
        weight = np.where(is_mining, weight, 0.0)
        drawn = rows[generator.choice(len(rows), DRAWN, p=weight / weight.sum())]
        mean, spread = drawn.mean(axis=0), np.maximum(drawn.std(axis=0), 1e-3)
        usual = standard(drawn, mean, spread)
        state, score = fit(usual)
        low, middle = np.quantile(score(usual), (0.25, 0.5))
        return Fitted(
            (state, mean, spread),
            lambda seen: (score(standard(seen, mean, spread)) - middle) / max(middle - low, 1e-9),
        )

    return fitted


def standard(rows: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.clip((rows - mean) / spread, -8.0, 8.0)


def _neighbours(usual: np.ndarray) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """Distance to the fifth nearest; a drawn observation is its own nearest, and often drawn again."""
    single = usual.astype(np.float32)
    neighbours = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(single)
    return single, lambda rows: -np.log(neighbours.kneighbors(rows.astype(np.float32))[0][:, -1] + 0.1)


def _isolation(usual: np.ndarray) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    forest = IsolationForest(n_estimators=200, max_samples=512, random_state=SEED).fit(usual)
    return forest, forest.score_samples


def logit(share: np.ndarray) -> np.ndarray:
    clipped = np.clip(share, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


LEARNERS = (  # the first is what the others are held against
    Learner("randomised trees", features, _trees),
    Learner("boosting", features, _boosting),
    Learner("one class, neighbours", features, _one_class(_neighbours)),
    Learner("one class, isolation", features, _one_class(_isolation)),
    Learner("sequences", message_grams, _sequence),
)
