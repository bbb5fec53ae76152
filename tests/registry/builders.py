"""Versions of registered models, and training runs, without the training that they come from."""

import functools
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException

from flowml.features.matrix import feature_matrix
from flowml.models.bundle import ModelBundle, save_bundle
from flowml.models.bundle_files import bundle_digest
from flowml.registry.connection import connect
from flowml.registry.run import DatasetInput, TrainingRun
from flowml.registry.versions import DIGEST_TAG
from flowml.training.fit import TrainingSettings, fit
from tests.labelled import small_data_set


def register(uri: str, name: str, source: Path, digest: str | None) -> int:
    """Register a folder as a new version, whatever is in it."""
    client = connect(uri)
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {} if digest is None else {DIGEST_TAG: digest}
    return int(client.create_model_version(name, source.as_uri(), tags=tags).version)


@functools.cache
def fitted() -> ModelBundle:
    """A detector that was fitted on the small data set; that takes seconds, and all tests need the same."""
    bundle, _ = fit(small_data_set(), TrainingSettings(seed=1))
    return replace(bundle, name="flowml", facts={"seed": 1})


def small_bundle(folder: Path, version: str = "1") -> Path:
    """Save that detector as a bundle."""
    save_bundle(replace(fitted(), version=version), folder, "# flowml 1\n")
    return folder


def training_run(bundle: Path) -> TrainingRun:
    """What a training would tell of a bundle."""
    figure = Figure()
    figure.subplots().plot([0, 1], [0, 1])
    return TrainingRun(
        name="flowml",
        version="2026.11",
        bundle=bundle,
        digest=bundle_digest(bundle),
        parameters={"training.seed": 1, "training.late_s": "0, 47"},
        metrics={"left_out.recall": 0.9, "left_out.false_alarms": 2.0},
        figures={"calibration": figure},
        datasets=(
            DatasetInput("lab", "a1" * 32, "datasets/lab", "training", {"captures": 1, "mining": 12}),
            DatasetInput("ndpi", "b2" * 32, "captures/ndpi", "training", {"captures": 9, "mining": 0}),
        ),
        example=feature_matrix(small_data_set().observations)[:3],
    )
