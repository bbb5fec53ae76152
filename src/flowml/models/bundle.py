"""ModelBundle: all that a verdict needs, in one folder whose digest is checked before a byte of it runs."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import numpy as np
from numpy.typing import NDArray

from flowml.detections.verdict import Thresholds, VerdictBatch
from flowml.errors import ModelError
from flowml.features.evidence import shows_enough
from flowml.features.matrix import feature_matrix
from flowml.flows.observations import Observations
from flowml.models.bundle_files import (
    CARD,
    ESTIMATORS,
    FACTS,
    SUMS,
    bundle_digest,
    read,
    remove,
    sha256,
    verified,
)
from flowml.models.calibration import SigmoidCalibration
from flowml.models.classifier import RandomisedTrees
from flowml.models.novelty import NoveltyModel
from flowml.models.population import Population
from flowml.models.recall import RecallCurve
from flowml.models.resemblance import Resemblance
from flowml.models.scaling import scaled
from flowml.models.stored import Stored, read_estimators
from flowml.schema import FEATURE_COLUMNS, FEATURE_DIGEST

FORMAT = 2

Seen = Callable[[NDArray[np.float64], NDArray[np.float64]], None]
"""Is shown the scaled features, shape (n, n_features), and the probabilities of what was judged."""

# the estimators of a bundle and their classes
_CLASSES = {"classifier": "ExtraTreesClassifier", "novelty_forest": "IsolationForest"}


@dataclass(frozen=True)
class ModelBundle:
    """A fitted detector.

    Attributes
    ----------
    name, version : str
    classifier : ExtraTreesClassifier
        The fitted estimator, or its stored form, see `flowml.models.stored`.
    calibration : SigmoidCalibration
    novelty : NoveltyModel
    resemblance : Resemblance
    thresholds : Thresholds
    facts : mapping
        What people and other programs want to know: meter settings, training data with checksums, metrics,
        library versions; plain JSON values.
    digest : str
        SHA-256 of the folder's list of checksums; empty before it is saved.
    population : Population or None
        What it was fitted on, for drift; None: an older flowml made it.
    recall : RecallCurve or None
        What a threshold costs; None: an older flowml made it.
    """

    name: str
    version: str
    classifier: Any
    calibration: SigmoidCalibration
    novelty: NoveltyModel
    resemblance: Resemblance
    thresholds: Thresholds
    facts: Mapping[str, Any]
    digest: str = ""
    population: Population | None = None
    recall: RecallCurve | None = None

    @property
    def reference(self) -> str:
        """How verdicts name this model."""
        return f"{self.name} {self.version} {self.digest[:12]}".strip()

    @cached_property
    def trees(self) -> RandomisedTrees:
        """The trees of the classifier."""
        return RandomisedTrees.of(self.classifier)

    def score(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score rows of features, as of connections that were watched for long enough.

        Parameters
        ----------
        features : ndarray of float64, shape (n, n_features)
            As `flowml.features.matrix.feature_matrix` gives them.

        Returns
        -------
        probability, novelty : ndarray of float64, shape (n,)
        """
        return self._score_scaled(scaled(features), None)

    def _score_scaled(
        self, rows: NDArray[np.float64], age_s: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not len(rows):
            return np.zeros(0), np.zeros(0)
        return self.calibration.apply(self.trees.score(rows), age_s), self.novelty.score(rows)

    def resembles(self, observations: Observations) -> list[str]:
        """Name the mining family that each observation is most like; "" where the model knows none."""
        return self.resemblance.name(scaled(feature_matrix(observations)))

    def judge(self, observations: Observations, seen: Seen | None = None) -> VerdictBatch:
        """Give a verdict about each observation.

        Observations that show too little (see `flowml.features.evidence`) are not judged: probability and
        novelty 0, benign.

        Parameters
        ----------
        observations : Observations
        seen : callable, optional
            Shown what was judged.
        """
        enough = np.flatnonzero(shows_enough(observations))
        probability, novelty = np.zeros(len(observations)), np.zeros(len(observations))
        rows = scaled(feature_matrix(observations.take(enough)))
        probability[enough], novelty[enough] = self._score_scaled(rows, observations.age_s[enough])
        if seen is not None and len(rows):
            seen(rows, probability[enough])
        is_mining = probability >= self.thresholds.mining
        doubtful = (probability >= self.thresholds.unsure) | (novelty >= self.thresholds.novelty)
        return VerdictBatch(probability, novelty, is_mining, doubtful & ~is_mining, self.reference)


def save_bundle(bundle: ModelBundle, folder: Path, card: str) -> ModelBundle:
    """Write a bundle to a folder, which appears only when it is whole.

    Parameters
    ----------
    bundle : ModelBundle
    folder : Path
        Must not exist yet.
    card : str
        The model card, Markdown.

    Returns
    -------
    ModelBundle
        The same with its digest.

    Raises
    ------
    ModelError
        The folder exists or cannot be written.
    """
    import skops.io

    if folder.exists():
        raise ModelError(f"{folder}: exists already; a saved model never changes, choose another version")
    unfinished = folder.with_name(f".{folder.name}.part")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        packed = skops.io.dumps(_estimators(bundle), compression=ZIP_DEFLATED, compresslevel=9)
        (unfinished / ESTIMATORS).write_bytes(packed)
        (unfinished / FACTS).write_text(json.dumps(_facts(bundle), indent=1, sort_keys=True) + "\n")
        (unfinished / CARD).write_text(card)
        lines = [f"{sha256(unfinished / name)}  {name}\n" for name in (ESTIMATORS, FACTS, CARD)]
        (unfinished / SUMS).write_text("".join(lines))
        unfinished.replace(folder)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        remove(unfinished)
    return replace(bundle, digest=bundle_digest(folder))


def load_bundle(folder: Path, digest: str | None = None) -> ModelBundle:
    """Load a bundle after checking every byte of it.

    Parameters
    ----------
    folder : Path
    digest : str, optional
        The digest that a registry or a configuration pins. Without one the folder is held against its own
        list only, which finds damage but no forgery: right for the model that is installed with flowml.

    Raises
    ------
    ModelError
        Not a bundle, another digest, a changed file, another feature schema, or a type that flowml does not
        trust.
    """
    sums = read(folder / SUMS)
    found = hashlib.sha256(sums).hexdigest()
    if digest is not None and found != digest:
        raise ModelError(
            f"{folder}: digest {found[:12]}.. instead of {digest[:12]}..: not the model that was registered; "
            "do not use it, fetch it again"
        )
    contents = verified(folder, sums)
    try:
        facts = json.loads(contents[FACTS])
        _check_schema(folder, facts)
        estimators = _read_estimators(folder, contents[ESTIMATORS])
        bundle = ModelBundle(
            name=facts["name"],
            version=facts["version"],
            classifier=estimators["classifier"],
            calibration=SigmoidCalibration(**facts["calibration"]),
            novelty=NoveltyModel(estimators["novelty_forest"], np.array(facts["novelty_reference"])),
            resemblance=Resemblance.from_json(facts["resemblance"]),
            thresholds=Thresholds(**facts["thresholds"]),
            facts=facts["facts"],
            digest=found,
            population=Population.from_json(facts.get("population")),
            recall=RecallCurve.from_json(facts.get("recall")),
        )
        # what a damaged tree would break is told now, not in the middle of the traffic
        bundle.score(np.zeros((1, len(FEATURE_COLUMNS))))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{folder}: not a bundle that this flowml reads: {error!r}; train it again"
        ) from error
    return bundle


def library_versions() -> dict[str, str]:
    """Versions of the libraries that a verdict depends on."""
    return {name: _installed(name) for name in ("flowml", "nfstream", "numpy", "scikit-learn", "skops")}


def _installed(name: str) -> str:
    try:
        return installed_version(name)
    except PackageNotFoundError:  # flowml itself, run from a source tree
        return "not installed"


def _estimators(bundle: ModelBundle) -> dict[str, Any]:
    return {"classifier": bundle.classifier, "novelty_forest": bundle.novelty.forest}


def _facts(bundle: ModelBundle) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": bundle.name,
        "version": bundle.version,
        "feature_digest": FEATURE_DIGEST,
        "feature_names": [column.name for column in FEATURE_COLUMNS],
        "calibration": asdict(bundle.calibration),
        "thresholds": asdict(bundle.thresholds),
        "novelty_reference": bundle.novelty.reference.tolist(),
        "resemblance": bundle.resemblance.to_json(),
        "facts": dict(bundle.facts),
        **({} if bundle.population is None else {"population": bundle.population.to_json()}),
        **({} if bundle.recall is None else {"recall": bundle.recall.to_json()}),
    }


def _check_schema(folder: Path, facts: Mapping[str, Any]) -> None:
    if facts["format"] != FORMAT:
        raise ModelError(
            f"{folder}: bundle format {facts['format']}, this flowml reads {FORMAT}; train it again"
        )
    if facts["feature_digest"] != FEATURE_DIGEST:
        raise ModelError(
            f"{folder}: fitted on feature schema {facts['feature_digest'][:8]}.., "
            f"this flowml has {FEATURE_DIGEST[:8]}..; train it again or install the flowml that made it "
            f"({facts['facts'].get('libraries', {}).get('flowml', 'version unknown')})"
        )


def _read_estimators(folder: Path, data: bytes) -> dict[str, Any]:
    """Read the estimators' numbers from bytes that were checked; nothing of them is constructed."""
    try:
        estimators = read_estimators(data)
    except ValueError as error:
        raise ModelError(f"{folder / ESTIMATORS}: {error}; train it again") from error
    for name, expected in _CLASSES.items():
        found = estimators.get(name)
        if not isinstance(found, Stored) or found.stored_class != expected:
            raise ModelError(f"{folder / ESTIMATORS}: its {name} is no {expected}; train it again")
    return estimators
