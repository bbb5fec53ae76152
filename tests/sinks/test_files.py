import os
from pathlib import Path

import pytest

from flowml.errors import SinkError
from flowml.sinks.files import AppendedLines, WholeFile


def test_a_whole_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    with WholeFile(target) as file:
        file.write("one")
        assert not target.exists()
    assert target.read_text() == "one\n"
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupted_file_leaves_what_was_there_before_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("before")

    def interrupted() -> None:
        with WholeFile(target) as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_what_was_written_since_a_mark_can_be_taken_back(tmp_path: Path) -> None:
    with WholeFile(tmp_path / "out") as file:
        file.write("good")
        mark = file.mark()
        file.write("bad and longer")
        file.rewind(mark)
        file.write("next")
    assert (tmp_path / "out").read_text() == "good\nnext\n"


def test_a_symbolic_link_is_followed_and_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with WholeFile(tmp_path / "link") as file:
        file.write("one")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "one\n"


def test_a_new_file_has_the_permissions_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with WholeFile(tmp_path / "out") as file:
            file.write("one")
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("what", ["/dev/null", "."])
def test_a_device_or_folder_is_refused_instead_of_replaced(what: str) -> None:
    with pytest.raises(SinkError, match="not a regular file"):
        WholeFile(Path(what))
    assert not Path(what).is_file()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"nowhere/out\.jsonl: cannot be written: No such file or directory"):
        WholeFile(tmp_path / "nowhere" / "out.jsonl")


@pytest.mark.root
def test_a_full_disk_is_told_with_the_file_and_leaves_no_half_file(small_disk: Path) -> None:
    target = small_disk / "out.jsonl"
    with (
        pytest.raises(SinkError, match=r"out\.jsonl: cannot be written: No space left"),
        WholeFile(target) as file,
    ):
        file.write("x" * 200_000)
    assert list(small_disk.iterdir()) == []


@pytest.mark.root
def test_a_disk_that_fills_at_the_last_flush_leaves_no_half_file(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(60 << 10))
    with pytest.raises(SinkError, match="No space left"), WholeFile(small_disk / "out") as file:
        file.write("x" * 7000)  # fits into the buffer, not onto the disk
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


@pytest.mark.root
def test_a_line_that_does_not_fit_is_taken_back_whole(small_disk: Path) -> None:
    lines = AppendedLines(small_disk / "eve.json")
    lines.append("first")
    (small_disk / "filler").write_bytes(bytes(56 << 10))
    with pytest.raises(SinkError, match=r"eve\.json: cannot be written: No space left"):
        lines.append("x" * 9000)
    assert (small_disk / "eve.json").read_text() == "first\n"
    (small_disk / "filler").unlink()
    lines.append("second")
    lines.close()
    assert (small_disk / "eve.json").read_text() == "first\nsecond\n"


def test_lines_are_appended_to_what_is_there(tmp_path: Path) -> None:
    for text in ("one", "two"):
        lines = AppendedLines(tmp_path / "eve.json")
        lines.append(text)
        lines.close()
    assert (tmp_path / "eve.json").read_text() == "one\ntwo\n"


def test_a_half_line_of_another_writer_is_ended_first(tmp_path: Path) -> None:
    (tmp_path / "eve.json").write_text('{"half"')
    lines = AppendedLines(tmp_path / "eve.json")
    lines.append("{}")
    lines.close()
    assert (tmp_path / "eve.json").read_text() == '{"half"\n{}\n'
