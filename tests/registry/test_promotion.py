from pathlib import Path

import pytest

from flowml.errors import ModelError
from flowml.registry.promotion import HISTORY_TAG, KEPT_HISTORY, promote, rollback
from flowml.registry.reference import RegisteredReference
from flowml.registry.versions import ModelRegistry
from tests.registry.builders import register


def registry_of(store: str, folder: Path, versions: int) -> ModelRegistry:
    for _ in range(versions):
        register(store, "flowml", folder, "a1")
    return ModelRegistry(store)


def promote_number(registry: ModelRegistry, number: int, alias: str = "champion") -> None:
    promote(registry, registry.find(RegisteredReference("flowml", version=number)), alias)


def champion(registry: ModelRegistry) -> int:
    return registry.aliases("flowml")["champion"]


def test_a_rollback_undoes_promotions_one_by_one(store: str, tmp_path: Path) -> None:
    registry = registry_of(store, tmp_path, 3)
    for number in (1, 3, 2):
        promote_number(registry, number)
    assert rollback(registry, "flowml", "champion").version == champion(registry) == 3
    assert rollback(registry, "flowml", "champion").version == champion(registry) == 1
    with pytest.raises(ModelError, match="has not pointed to another version before"):
        rollback(registry, "flowml", "champion")
    assert champion(registry) == 1


def test_promoting_the_champion_again_is_nothing_to_undo(store: str, tmp_path: Path) -> None:
    registry = registry_of(store, tmp_path, 2)
    for number in (1, 2, 2, 2):
        promote_number(registry, number)
    assert rollback(registry, "flowml", "champion").version == 1


def test_each_alias_has_a_history_of_its_own(store: str, tmp_path: Path) -> None:
    registry = registry_of(store, tmp_path, 3)
    promote_number(registry, 1)
    promote_number(registry, 2)
    promote_number(registry, 3, "challenger")
    with pytest.raises(ModelError, match="models:/flowml@challenger"):
        rollback(registry, "flowml", "challenger")
    assert rollback(registry, "flowml", "champion").version == 1


def test_a_version_that_could_not_be_loaded_is_not_promoted(store: str, tmp_path: Path) -> None:
    register(store, "flowml", tmp_path, None)
    registry = ModelRegistry(store)
    with pytest.raises(ModelError, match="has no"):
        promote_number(registry, 1)
    assert registry.aliases("flowml") == {}


def test_an_alias_that_mlflow_reserves_is_refused_in_its_words(store: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="reserved"):
        promote_number(registry_of(store, tmp_path, 1), 1, "v1")


def test_an_interruption_between_history_and_alias_costs_nothing(store: str, tmp_path: Path) -> None:
    registry = registry_of(store, tmp_path, 2)
    promote_number(registry, 1)
    promote_number(registry, 2)
    registry.set_tag("flowml", HISTORY_TAG + "champion", "[1, 2]")
    assert rollback(registry, "flowml", "champion").version == 1


def test_a_version_that_was_deleted_cannot_be_gone_back_to(store: str, tmp_path: Path) -> None:
    registry = registry_of(store, tmp_path, 2)
    promote_number(registry, 2)
    registry.set_tag("flowml", HISTORY_TAG + "champion", "[7]")
    with pytest.raises(ModelError, match="models:/flowml/7: no such version"):
        rollback(registry, "flowml", "champion")
    assert champion(registry) == 2


@pytest.mark.parametrize("text", ["", "7", '{"a": 1}', "[null]", '["x"]', "[" * 10_000])
def test_a_damaged_history_is_named(store: str, tmp_path: Path, text: str) -> None:
    registry = registry_of(store, tmp_path, 1)
    promote_number(registry, 1)
    registry.set_tag("flowml", HISTORY_TAG + "champion", text)
    with pytest.raises(ModelError, match="expected a list of version numbers; delete the tag"):
        rollback(registry, "flowml", "champion")


def test_the_history_does_not_grow_for_ever(store: str, tmp_path: Path) -> None:
    registry = registry_of(store, tmp_path, 2)
    registry.set_tag("flowml", HISTORY_TAG + "champion", str([1, 2] * KEPT_HISTORY))
    promote_number(registry, 1)
    promote_number(registry, 2)
    kept = registry.tags("flowml")[HISTORY_TAG + "champion"]
    assert len(kept.split(",")) == KEPT_HISTORY
