from pathlib import Path

import pytest

from flowml.errors import ModelError
from flowml.registry.reference import RegisteredReference
from flowml.registry.versions import ModelRegistry
from tests.registry.builders import register

CHAMPION = RegisteredReference("flowml", alias="champion")


def test_versions_are_listed_by_name_and_newest_first(store: str, tmp_path: Path) -> None:
    for name, digest in (("flowml", "a1"), ("beta", "b2"), ("flowml", "c3")):
        register(store, name, tmp_path, digest)
    listed = ModelRegistry(store).versions()
    assert [(each.name, each.version, each.digest) for each in listed] == [
        ("beta", 1, "b2"),
        ("flowml", 2, "c3"),
        ("flowml", 1, "a1"),
    ]


def test_an_empty_registry_lists_nothing(store: str) -> None:
    assert ModelRegistry(store).versions() == []


def test_more_versions_than_one_page_holds_are_listed(store: str, tmp_path: Path) -> None:
    for _ in range(3):
        register(store, "flowml", tmp_path, "a1")
    registry = ModelRegistry(store)
    assert [each.version for each in registry.versions(page_size=2)] == [3, 2, 1]


def test_an_alias_is_found_where_it_points(store: str, tmp_path: Path) -> None:
    register(store, "flowml", tmp_path, "a1")
    register(store, "flowml", tmp_path, "b2")
    registry = ModelRegistry(store)
    registry.set_alias(registry.find(RegisteredReference("flowml", version=1)), "champion")
    found = registry.find(CHAMPION)
    assert (found.version, found.aliases, found.digest) == (1, ("champion",), "a1")


def test_an_unknown_name_is_named(store: str) -> None:
    with pytest.raises(ModelError, match="models:/flowml: no model of that name"):
        ModelRegistry(store).find(CHAMPION)


def test_an_unknown_alias_is_named_with_those_there_are(store: str, tmp_path: Path) -> None:
    register(store, "flowml", tmp_path, "a1")
    registry = ModelRegistry(store)
    with pytest.raises(ModelError, match=r"models:/flowml@champion: no such alias .*; it has none; set it"):
        registry.find(CHAMPION)
    registry.set_alias(registry.find(RegisteredReference("flowml", version=1)), "canary")
    with pytest.raises(ModelError, match="there are: canary"):
        registry.find(CHAMPION)


def test_an_unknown_version_is_named(store: str, tmp_path: Path) -> None:
    register(store, "flowml", tmp_path, "a1")
    with pytest.raises(ModelError, match="models:/flowml/9: no such version"):
        ModelRegistry(store).find(RegisteredReference("flowml", version=9))


def test_a_version_without_a_digest_has_none_to_give(store: str, tmp_path: Path) -> None:
    register(store, "flowml", tmp_path, None)
    found = ModelRegistry(store).find(RegisteredReference("flowml", version=1))
    with pytest.raises(ModelError, match=r"models:/flowml/1: has no flowml\.digest tag"):
        found.require_digest()
