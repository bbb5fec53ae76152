import json
import os
from pathlib import Path

import pytest

from flowml.errors import ModelError
from flowml.models.bundle_files import bundle_digest
from flowml.registry.connection import URI_VARIABLE, connect
from flowml.registry.tracking import EXPERIMENT, log_run, require_place
from tests.registry.builders import training_run


def test_a_run_is_told_with_all_there_is_to_it(any_store: str, bundle_folder: Path) -> None:
    run = training_run(bundle_folder)
    version = log_run(run, any_store)
    client = connect(any_store)
    told = client.get_run(version.run_id)
    assert told.info.status == "FINISHED"
    assert told.data.params.items() >= {"training.seed": "1", "training.late_s": "0, 47"}.items()
    assert told.data.metrics == run.metrics
    assert [file.path for file in client.list_artifacts(version.run_id, "figures")] == [
        "figures/calibration.png"
    ]
    assert told.inputs is not None
    sets = {given.dataset.name: given for given in told.inputs.dataset_inputs}
    assert set(sets) == {"lab", "ndpi"}
    assert sets["lab"].dataset.digest == "a1" * 18
    assert json.loads(sets["lab"].dataset.source) == {"uri": "datasets/lab"}
    assert [(tag.key, tag.value) for tag in sets["lab"].tags] == [("mlflow.data.context", "training")]


def test_the_new_version_has_its_digest_and_no_alias(any_store: str, bundle_folder: Path) -> None:
    first = log_run(training_run(bundle_folder), any_store)
    second = log_run(training_run(bundle_folder), any_store)
    assert second.version == first.version + 1
    assert second.digest == bundle_digest(bundle_folder)
    assert second.bundle_version == "2026.11"
    assert second.aliases == ()


def test_a_new_sqlite_store_keeps_its_artefacts_beside_it(tmp_path: Path, bundle_folder: Path) -> None:
    log_run(training_run(bundle_folder), f"sqlite:///{tmp_path}/mlflow.db")
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlruns"}


def test_telling_leaves_the_process_as_it_was(
    store: str, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_run(training_run(bundle_folder), store)
    assert URI_VARIABLE not in os.environ
    monkeypatch.setenv(URI_VARIABLE, "http://127.0.0.1:9")
    log_run(training_run(bundle_folder), store)
    assert os.environ[URI_VARIABLE] == "http://127.0.0.1:9"


def test_an_experiment_that_was_deleted_is_named_with_its_cure(store: str, bundle_folder: Path) -> None:
    client = connect(store)
    client.delete_experiment(client.create_experiment(EXPERIMENT))
    with pytest.raises(ModelError, match="experiment flowml is deleted; restore it with mlflow experiments"):
        log_run(training_run(bundle_folder), store)


def test_a_server_that_is_down_is_known_before_the_work(unused_port: int) -> None:
    with pytest.raises(ModelError, match="does not answer"):
        require_place("flowml", f"http://127.0.0.1:{unused_port}")


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a.b", "a@b", "a b", "a" * 300])
def test_a_name_that_mlflow_would_refuse_is_known_before_the_work(store: str, name: str) -> None:
    with pytest.raises(ModelError, match="expected letters, digits, _ and -"):
        require_place(name, store)
