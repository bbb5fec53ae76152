from pathlib import Path

import pytest

from flowml.errors import SinkError
from flowml.sinks.backlog import Backlog
from flowml.sinks.journal import Journal

MIB = 1 << 20


def test_without_a_journal_records_wait_in_memory_up_to_a_bound() -> None:
    backlog = Backlog(None, memory_bytes=10)
    backlog.put([b"12345", b"678"])
    with pytest.raises(SinkError, match="1 alerts or events are lost"):
        backlog.put([b"901"])
    assert (len(backlog), backlog.head(9), backlog.held_bytes) == (2, [b"12345", b"678"], 8)
    backlog.done(1)
    backlog.put([b"901"])
    assert backlog.head(9) == [b"678", b"901"]
    assert not backlog.is_durable


def test_with_a_journal_records_outlive_the_process(tmp_path: Path) -> None:
    backlog = Backlog(Journal(tmp_path / "j", MIB))
    backlog.put([b"one", b"two"])
    assert backlog.is_durable
    backlog.done(1)
    backlog.close()
    again = Backlog(Journal(tmp_path / "j", MIB))
    assert again.head(9) == [b"two"]
    again.close()


def test_what_the_journal_does_not_take_waits_in_memory_in_order_and_moves_later(
    tmp_path: Path,
) -> None:
    backlog = Backlog(Journal(tmp_path / "j", 70))
    backlog.put([b"one" * 10])
    backlog.put([b"two" * 10])
    backlog.put([b"three"])  # there would be room for it, but not before the one in front of it
    assert "full" in backlog.trouble
    assert (len(backlog), backlog.held_bytes, backlog.is_durable) == (3, 35, False)
    backlog.done(1)
    backlog.settle()
    assert (backlog.trouble, backlog.held_bytes, backlog.is_durable) == ("", 0, True)
    assert backlog.head(9) == [b"two" * 10, b"three"]
    backlog.close()


def test_what_was_given_from_memory_is_forgotten_even_if_it_moved_meanwhile(tmp_path: Path) -> None:
    backlog = Backlog(Journal(tmp_path / "j", 70))
    for text in (b"one", b"two", b"three"):
        backlog.put([text * 10])
    backlog.done(1)
    assert backlog.head(9) == [b"two" * 10, b"three" * 10]
    backlog.settle()
    backlog.done(2)
    assert len(backlog) == 0
    backlog.close()


@pytest.mark.root
def test_a_full_disk_loses_nothing_and_is_left_behind_without_a_restart(small_disk: Path) -> None:
    backlog = Backlog(Journal(small_disk / "j", MIB))
    (small_disk / "filler").write_bytes(bytes(60 << 10))
    backlog.put([b"first", bytes(9000)])
    assert "No space left on device" in backlog.trouble
    assert backlog.head(9) == [b"first", bytes(9000)]
    (small_disk / "filler").unlink()
    backlog.settle()
    assert (backlog.trouble, backlog.is_durable) == ("", True)
    backlog.close()
    again = Backlog(Journal(small_disk / "j", MIB))
    assert again.head(9) == [b"first", bytes(9000)]
    again.close()
