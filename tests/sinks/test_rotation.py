from pathlib import Path

import pytest

from flowml.errors import SinkError
from flowml.sinks.rotation import RotatedLines


def test_a_line_that_would_be_too_much_begins_a_new_file_and_the_oldest_goes(tmp_path: Path) -> None:
    lines = RotatedLines(tmp_path / "eve.json", limit_bytes=10, keep=2)
    for text in ("one", "two", "three", "four", "five", "a line longer than ten", "six"):
        lines.append([text])
    lines.close()
    assert {path.name: path.read_text().splitlines() for path in tmp_path.iterdir()} == {
        "eve.json": ["six"],
        "eve.json.1": ["a line longer than ten"],
        "eve.json.2": ["four", "five"],
    }


def test_without_a_limit_a_file_grows(tmp_path: Path) -> None:
    lines = RotatedLines(tmp_path / "eve.json")
    for _ in range(100):
        lines.append(["x" * 1000])
    lines.close()
    assert [path.name for path in tmp_path.iterdir()] == ["eve.json"]


def test_what_stood_in_the_file_before_counts(tmp_path: Path) -> None:
    (tmp_path / "eve.json").write_text("12345678\n")
    lines = RotatedLines(tmp_path / "eve.json", limit_bytes=10)
    lines.append(["new"])
    lines.close()
    assert (tmp_path / "eve.json.1").read_text() == "12345678\n"


def test_a_file_that_was_moved_away_is_left_when_it_is_reopened(tmp_path: Path) -> None:
    lines = RotatedLines(tmp_path / "eve.json")
    lines.append(["one"])
    (tmp_path / "eve.json").rename(tmp_path / "old.json")
    lines.append(["two"])
    lines.reopen()
    lines.append(["three"])
    lines.close()
    assert (tmp_path / "old.json").read_text() == "one\ntwo\n"
    assert (tmp_path / "eve.json").read_text() == "three\n"


def test_a_folder_that_is_gone_is_told_and_the_open_file_stays_in_use(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    lines = RotatedLines(tmp_path / "log" / "eve.json")
    (tmp_path / "log").rename(tmp_path / "old")
    with pytest.raises(SinkError, match=r"log/eve\.json: cannot be written: No such file"):
        lines.reopen()
    lines.append(["one"])
    lines.close()
    assert (tmp_path / "old" / "eve.json").read_text() == "one\n"


@pytest.mark.root
def test_several_lines_are_written_all_or_none(small_disk: Path) -> None:
    lines = RotatedLines(small_disk / "eve.json")
    lines.append(["first"])
    (small_disk / "filler").write_bytes(bytes(56 << 10))
    with pytest.raises(SinkError, match="No space left on device"):
        lines.append(["second", "x" * 9000])
    (small_disk / "filler").unlink()
    lines.append(["second", "x"])
    lines.close()
    assert (small_disk / "eve.json").read_text() == "first\nsecond\nx\n"
