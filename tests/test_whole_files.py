from contextlib import suppress
from pathlib import Path

import pytest

from flowml.whole_files import unfinished_beside


def test_what_was_written_beside_a_file_replaces_it_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("before")
    with unfinished_beside(path) as unfinished:
        unfinished.write_text("after")
        assert path.read_text() == "before"
        unfinished.replace(path)
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_half_way_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("before")
    with suppress(KeyboardInterrupt), unfinished_beside(path) as unfinished:
        unfinished.write_text("aft")
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told_by_whoever_writes(tmp_path: Path) -> None:
    path = tmp_path / "no" / "a"
    with pytest.raises(FileNotFoundError), unfinished_beside(path) as unfinished:
        unfinished.write_text("x")


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with unfinished_beside(path) as one, unfinished_beside(path) as other:
        one.write_text("one")
        other.write_text("other")
        one.replace(path)
        other.replace(path)
    assert path.read_text() == "other"


def test_a_name_may_be_as_long_as_names_are(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 255)
    with unfinished_beside(path) as unfinished:
        unfinished.write_text("x")
        unfinished.replace(path)
    assert path.read_text() == "x"
