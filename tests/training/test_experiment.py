import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from flowml.capture.settings import MeterSettings
from flowml.errors import DataError, ModelError
from flowml.models.bundle import load_bundle
from flowml.models.bundle_files import CARD, FACTS
from flowml.training.experiment import ExperimentSettings, Finished, captures_to_fit, run_experiment
from flowml.training.fit import TrainingSettings
from tests.labelled import small_data_set
from tests.recorded import record_data_set

SETTINGS = ExperimentSettings(
    name="flowml",
    version="1",
    made=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
    command="flowml train datasets/small -o models/flowml/1",
    training=TrainingSettings(seed=1),
    late_s=(0.0, 47.0),
)


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_data_set(tmp_path_factory.mktemp("datasets") / "small")


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What the experiment said while it ran."""
    return []


@pytest.fixture(scope="module")
def finished(data_set: Path, told: list[str], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    output = tmp_path_factory.mktemp("models") / "flowml" / "1"
    return run_experiment([data_set], output, SETTINGS, told.append)


def test_the_saved_bundle_is_the_one_that_is_told_of(finished: Finished) -> None:
    loaded = load_bundle(finished.run.bundle, finished.run.digest)
    assert (loaded.name, loaded.version) == (finished.run.name, finished.run.version) == ("flowml", "1")
    seen = small_data_set().observations
    np.testing.assert_array_equal(loaded.judge(seen).probability, finished.bundle.judge(seen).probability)


def test_the_bundle_says_what_it_was_made_of(finished: Finished, data_set: Path) -> None:
    facts = json.loads((finished.run.bundle / FACTS).read_text())["facts"]
    assert facts["made"] == "2026-11-23T08:00:00+00:00"
    assert facts["command"] == SETTINGS.command
    (capture,) = facts["data"]
    assert capture["sha256"] == hashlib.sha256((data_set / "small.pcap").read_bytes()).hexdigest()
    assert (capture["source"], capture["licence"]) == ("small", "Apache-2.0")
    assert "nfstream" in facts["libraries"]
    assert facts["meter"] == MeterSettings().describe()
    assert facts["metrics"] == dict(finished.run.metrics)


def test_the_card_counts_the_connections(finished: Finished) -> None:
    assert "| small | Apache-2.0 | 1 | 12 | 24 |" in (finished.run.bundle / CARD).read_text()


def test_the_run_names_its_data_sets_by_the_checksums_of_their_captures(finished: Finished) -> None:
    (given,) = finished.run.datasets
    sha256 = finished.bundle.facts["data"][0]["sha256"]
    assert given.digest == hashlib.sha256(f"{sha256}  small.pcap\n".encode()).hexdigest()
    assert dict(given.facts) == {"captures": 1, "mining": 12, "benign": 24}


def test_the_run_has_its_pictures_parameters_and_an_example(finished: Finished) -> None:
    run = finished.run
    assert set(run.figures) == {
        "recall_at_low_false_alarms",
        "calibration",
        "detection_delay",
        "permutation_importance",
    }
    assert run.parameters["training.seed"] == 1
    assert run.parameters["training.late_s"] == "0, 47"
    assert run.parameters["threshold.mining"] == finished.bundle.thresholds.mining
    probability, _novelty = finished.bundle.score(run.example)
    assert probability[0] < 0.5 < probability[-1]


def test_every_capture_and_every_fold_is_told_as_it_goes(finished: Finished, told: list[str]) -> None:
    assert finished.problems == ()
    assert "capture 1 of 1: small.pcap" in told
    assert [what for what in told if what.startswith("fold")] == [f"fold {n} of 5" for n in range(1, 6)]


def test_the_same_seed_gives_the_same_verdicts(finished: Finished, data_set: Path, tmp_path: Path) -> None:
    again = run_experiment([data_set], tmp_path / "again", SETTINGS)
    seen = small_data_set().observations
    one, other = finished.bundle.judge(seen), again.bundle.judge(seen)
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.novelty, other.novelty)
    assert again.run.metrics == finished.run.metrics


def test_an_output_that_exists_is_refused_before_the_work(data_set: Path, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(ModelError, match="exists already; a saved model never changes"):
        run_experiment([data_set], tmp_path, SETTINGS, told.append)
    assert told == []


def collection(folder: Path, use: str) -> Path:
    (folder / "web").mkdir(parents=True)
    (folder / "web" / "broken.pcap").write_text("no capture at all")
    (folder / "manifest.toml").write_text(f'[web]\nlabel = "benign"\nuse = "{use}"\nlicence = "MIT"\n')
    return folder


def test_captures_that_may_only_be_evaluated_on_are_never_fitted_on(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no capture there that a model may be fitted on"):
        captures_to_fit([collection(tmp_path, "evaluate")])


def test_a_capture_that_cannot_be_metered_is_told_and_the_others_count(
    finished: Finished, data_set: Path, tmp_path: Path
) -> None:
    broken = collection(tmp_path / "broken", "train")
    with_it = run_experiment([data_set, broken], tmp_path / "model", SETTINGS)
    (problem,) = with_it.problems
    assert problem.startswith(str(broken / "web" / "broken.pcap"))
    assert with_it.run.metrics == finished.run.metrics


def test_data_without_any_labelled_connection_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"none of 1 captures holds a labelled connection; the first: .*broken"
    ):
        run_experiment([collection(tmp_path / "broken", "train")], tmp_path / "model", SETTINGS)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("stage", ["capture 1 of 1: small.pcap", "fold 3 of 5", "saving"])
def test_an_interruption_leaves_nothing_behind(data_set: Path, tmp_path: Path, stage: str) -> None:
    def interrupt(at: str) -> Callable[[str], None]:
        def tell(what: str) -> None:
            if what == at:
                raise KeyboardInterrupt

        return tell

    with pytest.raises(KeyboardInterrupt):
        run_experiment([data_set], tmp_path / "models" / "1", SETTINGS, interrupt(stage))
    assert list(tmp_path.rglob("*")) == []
