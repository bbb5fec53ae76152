"""Tell MLflow of a finished training, and register the model that came out of it."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from flowml.errors import ModelError
from flowml.registry.connection import URI_VARIABLE, connect, mlflow_errors, sqlite_file
from flowml.registry.reference import RegisteredReference
from flowml.registry.run import DatasetInput, TrainingRun
from flowml.registry.versions import BUNDLE_VERSION_TAG, DIGEST_TAG, ModelRegistry, RegisteredVersion
from flowml.schema import FEATURE_COLUMNS

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput as MlflowDatasetInput
    from mlflow.models import ModelSignature
    from mlflow.models.model import ModelInfo
    from mlflow.tracking import MlflowClient

EXPERIMENT = "flowml"
BUNDLE_FOLDER = "bundle"
BUNDLE_PATH = f"artifacts/{BUNDLE_FOLDER}"
"""Where the bundle lies among the files of a version: MLflow puts a pyfunc's artefacts into `artifacts`."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""What MLflow takes for runs, logged models and registered models alike, and a reference can name."""

_DATASET_DIGEST_CHARS = 36
"""MLflow's column is that wide."""

_RUN_WITH = ("numpy", "scikit-learn", "skops", "mlflow", "pandas")
"""What the pyfunc needs besides flowml. Named, because MLflow takes seconds to guess."""


def require_place(name: str, uri: str) -> None:
    """Make sure that a model of a name could be registered, and make a SQLite store that is not there.

    What would stop `log_run` is better known before minutes of fitting than after.

    Raises
    ------
    ModelError
        The name is none that MLflow takes, or the store does not answer.
    """
    if not _NAME.fullmatch(name):
        raise ModelError(f"model name {name!r}: expected letters, digits, _ and -; choose another --name")
    client = connect(uri, may_create=True)
    with mlflow_errors(uri):
        client.get_experiment_by_name(EXPERIMENT)


def log_run(run: TrainingRun, uri: str) -> RegisteredVersion:
    """Record a training run and register its model as a new version.

    Parameters
    ----------
    run : TrainingRun
    uri : str
        Tracking URI; a SQLite store that is not there is made.

    Returns
    -------
    RegisteredVersion
        The new version, without an alias.

    Raises
    ------
    ModelError
        The store does not answer or refuses.
    """
    client = connect(uri, may_create=True)
    import mlflow

    with mlflow_errors(uri), _as_default(uri):
        with mlflow.start_run(
            experiment_id=_experiment(client, uri), run_name=f"{run.name} {run.version}"
        ) as active:
            mlflow.log_params(dict(run.parameters))
            mlflow.log_metrics(dict(run.metrics))
            mlflow.set_tags({DIGEST_TAG: run.digest, BUNDLE_VERSION_TAG: run.version})
            for name, figure in run.figures.items():
                mlflow.log_figure(figure, f"figures/{name}.png")
            client.log_inputs(active.info.run_id, [_dataset(given) for given in run.datasets])
            model = _log_model(run)
        number = _register(client, run, model)
    return ModelRegistry(uri).find(RegisteredReference(run.name, version=number))


@contextmanager
def _as_default(uri: str) -> Iterator[None]:
    """Let MLflow's global functions talk to a store, and leave the process as it was."""
    import mlflow

    before = os.environ.get(URI_VARIABLE)
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before or "")
        if before is None:
            os.environ.pop(URI_VARIABLE, None)


def _experiment(client: "MlflowClient", uri: str) -> str:
    """The experiment of that name; a new one in a SQLite store keeps its artefacts beside the database."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        if found.lifecycle_stage != "active":
            raise ModelError(
                f"{uri}: the experiment {EXPERIMENT} is deleted; restore it with mlflow experiments restore "
                f"-x {found.experiment_id}"
            )
        return str(found.experiment_id)
    database = sqlite_file(uri)
    beside = (database.parent / "mlruns").as_uri() if database is not None else None
    return str(client.create_experiment(EXPERIMENT, artifact_location=beside))


def _dataset(given: DatasetInput) -> "MlflowDatasetInput":
    from mlflow.entities import Dataset, InputTag
    from mlflow.entities import DatasetInput as MlflowDatasetInput

    return MlflowDatasetInput(
        Dataset(
            name=given.name,
            digest=given.digest[:_DATASET_DIGEST_CHARS],
            source_type="local",
            source=json.dumps({"uri": given.source}),
            profile=json.dumps(dict(given.facts)),
        ),
        [InputTag("mlflow.data.context", given.use)],
    )


def _log_model(run: TrainingRun) -> "ModelInfo":
    import mlflow
    import pandas as pd

    names = [column.name for column in FEATURE_COLUMNS]
    with tempfile.TemporaryDirectory(prefix="flowml-") as staging:
        # MLflow names the artefact after the folder, and a bundle's folder is named after its version.
        bundle = shutil.copytree(run.bundle, Path(staging) / BUNDLE_FOLDER)
        model: ModelInfo = mlflow.pyfunc.log_model(
            name=run.name,
            python_model=str(Path(__file__).with_name("pyfunc.py")),
            artifacts={"bundle": str(bundle)},
            signature=_signature(names),
            input_example=pd.DataFrame(run.example, columns=names),
            pip_requirements=_requirements(),
            model_config={"digest": run.digest},
        )
    return model


def _signature(names: list[str]) -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    def doubles(columns: list[str]) -> Schema:
        return Schema([ColSpec(DataType.double, name) for name in columns])

    return ModelSignature(doubles(names), doubles(["probability", "novelty"]))


def _requirements() -> list[str]:
    try:
        own = [f"flowml=={version('flowml')}"]
    except PackageNotFoundError:  # run from a source tree
        own = ["flowml"]
    return own + [f"{name}=={version(name)}" for name in _RUN_WITH]


def _register(client: "MlflowClient", run: TrainingRun, model: "ModelInfo") -> int:
    """Make the version with its digest in one step: there is no moment at which it stands without."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(run.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(
        run.name,
        model.model_uri,
        run_id=model.run_id,
        tags={DIGEST_TAG: run.digest, BUNDLE_VERSION_TAG: run.version},
        model_id=model.model_id,
    )
    return int(made.version)
