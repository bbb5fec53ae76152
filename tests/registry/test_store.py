import hashlib
import shutil
import sys
from pathlib import Path

import pytest

import flowml
from flowml.errors import ModelError
from flowml.models.bundle_files import CARD, ESTIMATORS, FACTS, SUMS, bundle_digest
from flowml.models.shipped import SHIPPED_DIGEST, SHIPPED_NAME, SHIPPED_VERSION
from flowml.registry.promotion import promote, rollback
from flowml.registry.store import cache_folder, resolve
from flowml.registry.tracking import log_run
from flowml.registry.versions import ModelRegistry, RegisteredVersion
from tests.labelled import small_data_set
from tests.registry.builders import register, training_run


@pytest.fixture
def version(store: str, bundle_folder: Path) -> RegisteredVersion:
    """A version in the SQLite store."""
    return log_run(training_run(bundle_folder), store)


def registered_files(store: str) -> Path:
    """The registered bundle itself, in the artefacts of a SQLite store."""
    (found,) = Path(store.removeprefix("sqlite:///")).parent.glob(
        "mlruns/models/*/artifacts/artifacts/bundle"
    )
    return found


def cached() -> list[Path]:
    return list(cache_folder().iterdir()) if cache_folder().exists() else []


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_an_alias_resolves_to_the_bundle_that_was_registered(any_store: str, bundle_folder: Path) -> None:
    registry = ModelRegistry(any_store)
    first = log_run(training_run(bundle_folder), any_store)
    second = log_run(training_run(bundle_folder), any_store)
    promote(registry, first, "champion")
    promote(registry, second, "champion")
    assert rollback(registry, "flowml", "champion") == registry.find(first.reference)
    resolved = resolve("models:/flowml@champion", any_store)
    assert resolved.bundle.digest == bundle_digest(resolved.folder) == bundle_digest(bundle_folder)
    assert len(resolved.bundle.judge(small_data_set().observations)) > 0


def test_a_folder_is_taken_as_it_is(bundle_folder: Path) -> None:
    assert resolve(str(bundle_folder)).folder == bundle_folder


def test_what_was_fetched_once_needs_no_file_of_the_store(store: str, version: RegisteredVersion) -> None:
    resolve("models:/flowml/1", store)
    shutil.rmtree(registered_files(store))
    assert resolve("models:/flowml/1", store).bundle.digest == version.digest


@pytest.mark.parametrize("name", [ESTIMATORS, FACTS, CARD, SUMS])
@pytest.mark.usefixtures("version")
def test_one_changed_byte_in_the_registered_artefact_is_refused_and_not_kept(store: str, name: str) -> None:
    flip_a_byte(registered_files(store) / name)
    with pytest.raises(ModelError, match=r"models:/flowml/1: refused what sqlite:.* gave: ") as caught:
        resolve("models:/flowml/1", store)
    assert "\n" not in str(caught.value)
    assert cached() == []


@pytest.mark.usefixtures("version")
def test_a_forgery_with_a_list_of_checksums_of_its_own_is_refused(store: str) -> None:
    files = registered_files(store)
    (files / CARD).write_text("# forged\n")
    lines = [line for line in (files / SUMS).read_text().splitlines() if CARD not in line]
    forged = hashlib.sha256(b"# forged\n").hexdigest()
    (files / SUMS).write_text("\n".join([*lines, f"{forged}  {CARD}"]) + "\n")
    with pytest.raises(ModelError, match="not the model that was registered"):
        resolve("models:/flowml/1", store)


def test_a_damaged_cache_is_fetched_again(store: str, version: RegisteredVersion) -> None:
    folder = resolve("models:/flowml/1", store).folder
    flip_a_byte(folder / ESTIMATORS)
    assert resolve("models:/flowml/1", store).bundle.digest == version.digest
    assert cached() == [folder]


@pytest.mark.usefixtures("version")
def test_artefacts_that_are_gone_are_one_line(store: str) -> None:
    shutil.rmtree(registered_files(store))
    with pytest.raises(ModelError, match=r"MLflow says: .*bundle") as caught:
        resolve("models:/flowml/1", store)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("digest", ["../../../tmp/elsewhere", "", "A1" * 32, "a1" * 31])
def test_a_digest_that_is_none_never_becomes_a_path(store: str, tmp_path: Path, digest: str) -> None:
    register(store, "flowml", tmp_path, digest)
    with pytest.raises(ModelError, match="is not a SHA-256"):
        resolve("models:/flowml/1", store)


def test_a_version_without_a_digest_is_never_fetched(store: str, bundle_folder: Path) -> None:
    register(store, "flowml", bundle_folder, None)
    with pytest.raises(ModelError, match=r"has no flowml\.digest tag"):
        resolve("models:/flowml/1", store)
    assert cached() == []


def test_a_cache_that_cannot_be_written_is_named(
    store: str, version: RegisteredVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelError, match=r"cannot be written: Not a directory; .* XDG_CACHE_HOME"):
        resolve(str(version.reference), store)


def test_the_shipped_model_is_the_default_and_has_the_digest_that_our_source_pins() -> None:
    resolved = resolve()
    assert resolved.bundle.digest == SHIPPED_DIGEST
    assert (resolved.bundle.name, resolved.bundle.version) == (SHIPPED_NAME, SHIPPED_VERSION)


def test_another_model_in_the_place_of_the_shipped_one_is_refused(
    tmp_path: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flowml, "__file__", str(tmp_path / "src" / "flowml" / "__init__.py"))
    shutil.copytree(bundle_folder, tmp_path / "models" / SHIPPED_NAME / SHIPPED_VERSION)
    with pytest.raises(ModelError, match="not the model that was registered"):
        resolve()


def test_a_flowml_without_a_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flowml, "__file__", str(tmp_path / "src" / "flowml" / "__init__.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(ModelError, match="no model came with this flowml"):
        resolve()
