import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from flowml.errors import ModelError
from flowml.models.bundle import ModelBundle, load_bundle, save_bundle
from flowml.models.bundle_files import CARD, ESTIMATORS, FACTS, SUMS, bundle_digest
from flowml.training.fit import TrainingSettings, fit
from tests.labelled import small_data_set


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    fitted, _ = fit(small_data_set(), TrainingSettings(seed=1))
    return dataclasses.replace(fitted, name="test", version="1", facts={"libraries": {"flowml": "0.1.0"}})


@pytest.fixture
def folder(bundle: ModelBundle, tmp_path: Path) -> Path:
    save_bundle(bundle, tmp_path / "test" / "1", "# test 1\n")
    return tmp_path / "test" / "1"


def reseal(folder: Path) -> None:
    """Make a forgery consistent in itself."""
    import hashlib

    names = (ESTIMATORS, FACTS, CARD)
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines))


def test_a_loaded_bundle_judges_as_the_saved_one(bundle: ModelBundle, folder: Path) -> None:
    loaded = load_bundle(folder, bundle_digest(folder))
    seen = small_data_set().observations
    one, other = bundle.judge(seen), loaded.judge(seen)
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.novelty, other.novelty)
    assert loaded.reference == f"test 1 {bundle_digest(folder)[:12]}"


def test_it_brings_what_it_was_fitted_on_and_what_a_threshold_costs(
    bundle: ModelBundle, folder: Path
) -> None:
    loaded = load_bundle(folder)
    assert bundle.population is not None
    assert loaded.population is not None
    np.testing.assert_array_equal(loaded.population.edges, bundle.population.edges)
    assert loaded.recall is not None
    assert loaded.recall.parts["captures"].connections == 24


def test_a_bundle_of_an_older_flowml_judges_without_them(bundle: ModelBundle, folder: Path) -> None:
    facts = json.loads((folder / FACTS).read_text())
    del facts["population"], facts["recall"]
    (folder / FACTS).write_text(json.dumps(facts))
    reseal(folder)
    loaded = load_bundle(folder)
    assert (loaded.population, loaded.recall) == (None, None)
    seen = small_data_set().observations
    np.testing.assert_array_equal(loaded.judge(seen).probability, bundle.judge(seen).probability)


def test_what_was_judged_is_shown_to_whoever_asks(bundle: ModelBundle) -> None:
    shown = []
    verdicts = bundle.judge(small_data_set().observations, lambda *seen: shown.append(seen))
    ((rows, probability),) = shown
    assert len(rows) == len(probability) <= len(verdicts)
    assert set(probability.tolist()) <= set(verdicts.probability.tolist())


@pytest.mark.parametrize("name", [ESTIMATORS, FACTS, CARD, SUMS])
def test_one_changed_byte_is_refused_before_anything_is_constructed(folder: Path, name: str) -> None:
    digest = bundle_digest(folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(ModelError, match=r"checksum|digest|lists"):
        load_bundle(folder, digest)


def test_a_forgery_that_is_consistent_in_itself_fails_the_pinned_digest(folder: Path) -> None:
    digest = bundle_digest(folder)
    (folder / CARD).write_text("# another\n")
    reseal(folder)
    with pytest.raises(ModelError, match="not the model that was registered"):
        load_bundle(folder, digest)


def test_a_foreign_type_is_never_constructed(folder: Path) -> None:
    from pathlib import PurePosixPath

    foreign = {"classifier": LogisticRegression(), "novelty_forest": PurePosixPath("x")}
    (folder / ESTIMATORS).write_bytes(skops.io.dumps(foreign))
    reseal(folder)
    with pytest.raises(ModelError, match="types that flowml does not trust"):
        load_bundle(folder)


def test_a_model_of_another_feature_schema_is_refused(folder: Path) -> None:
    facts = json.loads((folder / FACTS).read_text())
    facts["feature_digest"] = "a1" * 32
    (folder / FACTS).write_text(json.dumps(facts))
    reseal(folder)
    with pytest.raises(ModelError, match=r"fitted on feature schema a1a1a1a1\.\., this flowml has"):
        load_bundle(folder)


def test_a_folder_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"{SUMS}: No such file or directory; a model is a folder with"):
        load_bundle(tmp_path)


def test_a_saved_model_is_never_overwritten(bundle: ModelBundle, folder: Path) -> None:
    before = bundle_digest(folder)
    with pytest.raises(ModelError, match="exists already"):
        save_bundle(bundle, folder, "# test\n")
    assert bundle_digest(folder) == before


def test_what_showed_too_little_is_not_judged(bundle: ModelBundle) -> None:
    seen = small_data_set().observations
    short = np.flatnonzero(np.diff(seen.packets.offsets) < 4)
    assert len(short)
    verdicts = bundle.judge(seen.take(short))
    assert not verdicts.probability.any()
    assert not verdicts.is_mining.any()


def test_novelty_is_the_share_of_less_unusual_benign_connections(bundle: ModelBundle) -> None:
    seen = small_data_set()
    novelty = bundle.judge(seen.observations).novelty
    assert novelty.min() >= 0
    assert novelty.max() <= 1
    strange = np.full((1, bundle.classifier.n_features_in_), 1e9)
    assert bundle.novelty.score(strange)[0] > np.median(novelty)


def test_what_is_novel_is_unsure_however_improbable_and_mining_stays_mining(bundle: ModelBundle) -> None:
    seen = small_data_set().observations
    plain = bundle.judge(seen)
    level = float(np.median(plain.novelty))
    wary = dataclasses.replace(
        bundle,
        thresholds=dataclasses.replace(bundle.thresholds, unsure=bundle.thresholds.mining, novelty=level),
    )
    verdicts = wary.judge(seen)
    np.testing.assert_array_equal(verdicts.is_mining, plain.is_mining)
    novel = plain.novelty >= level
    assert (novel & ~plain.is_mining).any()
    assert not novel.all()
    np.testing.assert_array_equal(verdicts.is_unsure, novel & ~plain.is_mining)
