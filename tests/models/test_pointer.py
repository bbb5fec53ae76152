from pathlib import Path

import pytest

from flowml.errors import ModelError
from flowml.models.pointer import Pointer, pointer_path, read_pointer, revert, write_pointer

A, B = Pointer(Path("/models/a"), "a" * 64), Pointer(Path("/models/b"), "b" * 64)


def test_a_pointer_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = pointer_path(tmp_path, "champion")
    assert read_pointer(path) is None
    write_pointer(path, A)
    assert read_pointer(path) == A


def test_reverting_swaps_the_last_two(tmp_path: Path) -> None:
    path = pointer_path(tmp_path, "champion")
    write_pointer(path, A)
    with pytest.raises(ModelError, match="has not pointed to another bundle"):
        revert(path)
    write_pointer(path, B)
    write_pointer(path, B)
    assert revert(path) == A
    assert read_pointer(path) == A
    assert revert(path) == B


@pytest.mark.parametrize(
    "text",
    ["", "folder = ''\ndigest = ''", 'folder = "x"\ndigest = "12"', "\xff", "[", "folder = 1\ndigest = 2"],
)
def test_what_is_no_pointer_is_refused(tmp_path: Path, text: str) -> None:
    path = pointer_path(tmp_path, "champion")
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match=r"champion\.toml"):
        read_pointer(path)
