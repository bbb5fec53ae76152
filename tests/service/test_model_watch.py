import shutil
from pathlib import Path

import pytest

from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.models.bundle import load_bundle
from flowml.models.bundle_files import ESTIMATORS, bundle_digest
from flowml.models.deployment import deploy
from flowml.models.pointer import CHALLENGER, CHAMPION, Pointer, pointer_path, revert, write_pointer
from flowml.service.model_watch import ModelWatch
from flowml.service.settings import ModelsSettings
from tests.builders import miner, slices
from tests.registry.builders import small_bundle


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("bundles")
    return small_bundle(home / "1"), small_bundle(home / "2", "2")


def watch(
    bundles: tuple[Path, Path], folder: Path, threshold: float | None = None
) -> tuple[ModelWatch, list[str]]:
    told: list[str] = []
    return ModelWatch(
        ModelsSettings(folder, threshold), load_bundle(bundles[0]), bundles[0], told.append
    ), told


def observed() -> Observations:
    table = ConnectionTable(ConnectionSettings())
    return Observations.concat([table.update(slices(miner(5), [])), table.flush()])


def test_a_deployed_model_takes_over_and_can_be_reverted(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    models, told = watch(bundles, tmp_path)
    assert not models.look()
    for bundle in bundles:
        deploy(bundle, bundle_digest(bundle), tmp_path, CHAMPION)
    assert models.look()
    assert models.champion.version == "2"
    assert models.judge(observed()).model == models.champion.reference
    assert not models.look()
    revert(pointer_path(tmp_path, CHAMPION))
    assert models.look()
    assert models.champion.version == "1"
    assert ["is at work" in line for line in told] == [True, True]
    assert models.trouble == ""


def test_a_damaged_model_is_refused_once_and_mended_without_a_restart(
    bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    models, told = watch(bundles, tmp_path)
    deploy(bundles[1], bundle_digest(bundles[1]), tmp_path, CHAMPION)
    damaged = tmp_path / bundle_digest(bundles[1]) / ESTIMATORS
    whole = damaged.read_bytes()
    damaged.write_bytes(b"\0" + whole[1:])
    models.look()
    models.look()
    assert models.champion.version == "1"
    assert "does not match its checksum" in models.trouble
    assert len(told) == 1
    assert "stays at work" in told[0]
    damaged.write_bytes(whole)
    models.look()
    assert (models.champion.version, models.trouble) == ("2", "")


def test_a_model_of_another_digest_is_refused(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    models, _ = watch(bundles, tmp_path)
    shutil.copytree(bundles[1], tmp_path / "two")
    write_pointer(pointer_path(tmp_path, CHAMPION), Pointer(tmp_path / "two", "0" * 64))
    models.look()
    assert models.champion.version == "1"
    assert "instead of 000000000000.." in models.trouble


def test_a_file_that_is_no_pointer_is_refused(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    models, _ = watch(bundles, tmp_path)
    pointer_path(tmp_path, CHAMPION).write_text("folder = 3\n")
    models.look()
    assert "expected folder and digest" in models.trouble


def test_a_challenger_judges_in_the_shadow_and_only_differences_are_kept(
    bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    models, _ = watch(bundles, tmp_path, threshold=0.5)
    observations = observed()
    assert models.judge(observations).is_mining.any()
    deploy(bundles[1], bundle_digest(bundles[1]), tmp_path, CHALLENGER)
    models.look()
    models.judge(observations)
    compared, differences = models.shadow.collect()
    assert compared.judged == len(observations)
    assert models.cards[CHALLENGER].startswith("# flowml")
    assert models.challenger is not None
    assert models.challenger.thresholds.mining == models.champion.thresholds.mining == 0.5
    assert differences == []  # the threshold of the site is that of both
    pointer_path(tmp_path, CHALLENGER).unlink()
    models.look()
    assert models.challenger is None


def test_the_threshold_of_the_site_goes_before_that_of_the_model(
    bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    models, _ = watch(bundles, tmp_path, threshold=0.01)
    assert (models.champion.thresholds.mining, models.champion.thresholds.unsure) == (0.01, 0.01)
    assert models.judge(observed()).is_mining.any()
