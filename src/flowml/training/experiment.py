"""The experiment: from folders of labelled captures to a model bundle and all there is to tell of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.capture.settings import MeterSettings
from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import LabelledCapture, read_data_set
from flowml.errors import DataError, ModelError
from flowml.features.matrix import feature_matrix
from flowml.models.bundle import ModelBundle, library_versions, save_bundle
from flowml.models.card import CardFacts, render_card
from flowml.registry.run import TrainingRun
from flowml.training.collect import Collected, collect, from_feedback
from flowml.training.fit import LeftOut, TrainingSettings, fit
from flowml.training.importance import permutation_importance
from flowml.training.summary import FitSummary, data_rows, dataset_inputs, draw, summarise

LATE_S = (0.0, 47.0, 400.0, 3000.0)
"""Sensors start at a connection's beginning, or within the first minute, minutes or hour of it."""

EXAMPLE_ROWS = 5


@dataclass(frozen=True)
class ExperimentSettings:
    """What is made and how.

    Attributes
    ----------
    name, version : str
        Of the model.
    made : datetime
        Told in the card.
    command : str
        What was typed, for those who want the same.
    training : TrainingSettings
    late_s : tuple of float
        See `flowml.training.collect.collect`.
    feedback : Path or None
        Folder of `flowml feedback export`: what people said of incidents, each of them one more origin.
    """

    name: str
    version: str
    made: datetime
    command: str
    training: TrainingSettings
    late_s: tuple[float, ...] = LATE_S
    feedback: Path | None = None


@dataclass(frozen=True)
class Finished:
    """A finished experiment.

    Attributes
    ----------
    run : TrainingRun
        What there is to tell.
    bundle : ModelBundle
        As it was saved.
    summary : FitSummary
    problems : tuple of str
        Captures that could not be metered, or only in part, a sentence each.
    """

    run: TrainingRun
    bundle: ModelBundle
    summary: FitSummary
    problems: tuple[str, ...]


def run_experiment(
    folders: Sequence[Path],
    output: Path,
    settings: ExperimentSettings,
    progress: Callable[[str], None] = lambda _: None,
) -> Finished:
    """Fit, calibrate, evaluate on origins left out, explain, and save.

    Parameters
    ----------
    folders : sequence of Path
        Data sets. Captures whose manifest does not allow it are not fitted on.
    output : Path
        Folder of the bundle; must not exist, and appears only when it is whole.
    settings : ExperimentSettings
    progress : callable
        Told what is going on.

    Returns
    -------
    Finished

    Raises
    ------
    DataError
        A data set cannot be read, or there is too little in them.
    ModelError
        The output exists or cannot be written.
    """
    if output.exists():
        raise ModelError(f"{output}: exists already; a saved model never changes, choose another version")
    said = [] if settings.feedback is None else [from_feedback(settings.feedback)]
    collected = _collect(captures_to_fit(folders), settings.late_s, progress) + said
    labelled = LabelledObservations.concat([part.labelled for part in collected if part.labelled is not None])
    fitted, left_out = fit(labelled, settings.training, progress)
    summary = summarise(labelled, left_out, fitted.thresholds.mining)
    progress("what the features are worth")
    importance = permutation_importance(fitted, left_out, settings.training.seed)
    facts = _facts(collected, summary, settings)
    named = replace(fitted, name=settings.name, version=settings.version, facts=facts)
    progress("saving")
    bundle = save_bundle(named, output, _card(named, collected, summary, settings))
    run = TrainingRun(
        name=bundle.name,
        version=bundle.version,
        bundle=output,
        digest=bundle.digest,
        parameters=_parameters(bundle, settings),
        metrics=summary.metrics,
        figures=draw(left_out, summary, importance),
        datasets=dataset_inputs(collected),
        example=_example(left_out),
    )
    problems = tuple(f"{part.capture.path}: {part.problem}" for part in collected if part.problem)
    return Finished(run, bundle, summary, problems)


def captures_to_fit(folders: Sequence[Path]) -> list[LabelledCapture]:
    """List the captures of data sets that a model may be fitted on.

    Raises
    ------
    DataError
        A data set cannot be read, or allows none.
    """
    captures = [capture for folder in folders for capture in read_data_set(folder) if capture.may_fit]
    if not captures:
        named = ", ".join(map(str, folders))
        raise DataError(f"{named}: no capture there that a model may be fitted on; name another data set")
    return captures


def _collect(
    captures: Sequence[LabelledCapture], late_s: Sequence[float], progress: Callable[[str], None]
) -> list[Collected]:
    finished = 0

    def tell(part: Collected) -> None:
        nonlocal finished
        finished += 1
        progress(f"capture {finished} of {len(captures)}: {part.capture.path.name}")

    progress(f"captures: {len(captures)}")
    collected = collect(captures, late_s=late_s, done=tell)
    if all(part.labelled is None for part in collected):
        first = next((part.problem for part in collected if part.problem), "their servers met nobody")
        raise DataError(f"none of {len(captures)} captures holds a labelled connection; the first: {first}")
    return collected


def _facts(
    collected: Sequence[Collected], summary: FitSummary, settings: ExperimentSettings
) -> Mapping[str, Any]:
    return {
        "made": settings.made.isoformat(timespec="seconds"),
        "command": settings.command,
        "meter": MeterSettings().describe(),
        "training": {**asdict(settings.training), "late_s": list(settings.late_s)},
        "data": [
            {
                "source": part.capture.source,
                "file": part.capture.path.name,
                "sha256": part.capture.sha256,
                "licence": part.capture.licence,
            }
            for part in collected
            if part.labelled is not None
        ],
        "metrics": summary.metrics,
        "libraries": library_versions(),
    }


def _card(
    bundle: ModelBundle, collected: Sequence[Collected], summary: FitSummary, settings: ExperimentSettings
) -> str:
    return render_card(
        CardFacts(
            name=bundle.name,
            version=bundle.version,
            created=settings.made.date().isoformat(),
            thresholds=bundle.thresholds,
            data=data_rows(collected),
            metrics=summary.words,
            evaluated_by=settings.command,
        )
    )


def _parameters(bundle: ModelBundle, settings: ExperimentSettings) -> Mapping[str, str | int | float | bool]:
    classifier = {
        f"classifier.{name}": value
        for name, value in bundle.classifier.get_params().items()
        if isinstance(value, str | int | float | bool)
    }
    training = {f"training.{name}": value for name, value in asdict(settings.training).items()}
    thresholds = {f"threshold.{name}": value for name, value in asdict(bundle.thresholds).items()}
    meter = {f"meter.{name}": value for name, value in MeterSettings().describe().items()}
    late = {"training.late_s": ", ".join(f"{late:g}" for late in settings.late_s)}
    return {**classifier, **training, **late, **thresholds, **meter}


def _example(left_out: LeftOut) -> NDArray[np.float64]:
    """A few rows of features, from what looks least to what looks most like mining."""
    order = np.argsort(left_out.probability, kind="stable")
    rows = order[np.linspace(0, len(order) - 1, EXAMPLE_ROWS).astype(np.int64)]
    return feature_matrix(left_out.labelled.observations.take(rows))
