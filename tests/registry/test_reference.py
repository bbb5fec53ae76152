from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.errors import ModelError
from flowml.registry.reference import RegisteredReference, parse_reference


def test_an_alias_is_told_from_a_version() -> None:
    assert parse_reference("models:/flowml@champion") == RegisteredReference("flowml", alias="champion")
    assert parse_reference("models:/flowml/12") == RegisteredReference("flowml", version=12)


def test_everything_else_is_a_folder() -> None:
    assert parse_reference("models/flowml/1") == Path("models/flowml/1")


@pytest.mark.parametrize(
    "text",
    [
        "models:",
        "models:/flowml",
        "models:/flowml/latest",
        "models:/flowml/0",
        "models:/flowml@",
        "models:/flowml@a b",
        "models:flowml@champion",
        "models:/a/b@champion",
        "models:/flowml@champion\n",
    ],
)
def test_a_reference_that_is_none_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(ModelError, match="expected models:/NAME@ALIAS, models:/NAME/VERSION or a folder"):
        parse_reference(text)


@given(st.text().map(lambda tail: f"models:{tail}"))
def test_any_text_is_a_reference_that_reads_back_or_an_error(text: str) -> None:
    try:
        reference = parse_reference(text)
    except ModelError:
        return
    assert parse_reference(str(reference)) == reference


def test_a_reference_names_an_alias_or_a_version_and_not_both() -> None:
    with pytest.raises(ValueError, match="alias or a version"):
        RegisteredReference("flowml", alias="champion", version=1)
