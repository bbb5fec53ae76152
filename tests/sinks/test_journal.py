import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowml.errors import SinkError
from flowml.sinks.journal import Journal

MIB = 1 << 20


def opened(path: Path, limit_bytes: int = MIB) -> Journal:
    return Journal(path, limit_bytes)


def test_what_is_not_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    journal.append([b"one", b"two", b"three"])
    journal.acknowledge(1)
    journal.close()
    again = opened(tmp_path / "j")
    assert again.head(9) == [b"two", b"three"]
    assert again.damage == ""
    again.close()


def test_records_come_in_order_and_as_many_as_wanted(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    journal.append([b"one"])
    journal.append([b"two", b""])
    assert (len(journal), journal.head(2), journal.head(3)) == (3, [b"one", b"two"], [b"one", b"two", b""])
    journal.close()


def test_a_journal_with_nothing_in_it_takes_no_room(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    journal.append([bytes(1000)] * 3)
    journal.acknowledge(3)
    assert (tmp_path / "j").stat().st_size == Journal.EMPTY_BYTES
    assert journal.size_bytes == 0
    journal.append([b"next"])
    assert journal.head(1) == [b"next"]
    journal.close()


def test_what_was_acknowledged_gives_its_room_back_before_all_is(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", 10 * MIB)
    for number in range(40):
        journal.append([bytes([number]) * 100_000])
        if number:
            journal.acknowledge(1)
    assert (tmp_path / "j").stat().st_size < 2 * MIB
    assert journal.head(9) == [bytes([39]) * 100_000]
    journal.close()
    again = opened(tmp_path / "j")
    assert again.head(9) == [bytes([39]) * 100_000]
    again.close()
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_torn_tail_is_dropped_and_told(cut: int, tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    journal.append([b"whole", b"torn"])
    journal.close()
    os.truncate(tmp_path / "j", (tmp_path / "j").stat().st_size - cut)
    again = opened(tmp_path / "j")
    assert again.head(9) == [b"whole"]
    left = "" if cut == 16 else f"{16 - cut} bytes are no whole record and were dropped; 1 records are sound"
    assert left in again.damage
    again.append([b"next"])
    again.close()
    once_more = opened(tmp_path / "j")
    assert (once_more.head(9), once_more.damage) == ([b"whole", b"next"], "")
    once_more.close()


def test_damage_in_the_middle_costs_only_what_is_damaged(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    journal.append([b"first", b"second", b"third"])
    journal.close()
    data = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(data.replace(b"second", b"secund"))
    again = opened(tmp_path / "j")
    assert again.head(9) == [b"first", b"third"]
    assert re.search("18 bytes are no whole record and were dropped; 2 records are sound", again.damage)
    again.close()


def test_a_header_that_is_damaged_delivers_again_rather_than_losing(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    journal.append([b"one", b"two"])
    journal.acknowledge(1)
    journal.close()
    data = bytearray((tmp_path / "j").read_bytes())
    data[17] ^= 255
    (tmp_path / "j").write_bytes(data)
    again = opened(tmp_path / "j")
    assert again.head(9) == [b"one", b"two"]
    again.close()


@settings(max_examples=60)
@given(records=st.lists(st.binary(max_size=40), max_size=6), data=st.data())
def test_whatever_happens_to_a_byte_the_other_records_stay_in_order(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    journal = opened(path)
    journal.append(records)
    journal.close()
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(16, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    again = opened(path)
    found = again.head(9)
    again.close()
    assert len(found) >= len(records) - 1
    rest = iter(records)
    assert all(record in rest for record in found)


def test_a_file_that_is_something_else_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("Dear diary, today I mined nothing at all.\n")
    with pytest.raises(SinkError, match=r"j: is no journal of flowml; move it away"):
        opened(tmp_path / "j")
    assert (tmp_path / "j").read_text().startswith("Dear diary")


def test_two_sensors_do_not_share_a_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    with pytest.raises(SinkError, match=r"j: another sensor uses it"):
        opened(tmp_path / "j")
    journal.close()
    opened(tmp_path / "j").close()


def test_a_journal_that_is_full_takes_none_of_what_is_too_much(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", 2000)
    journal.append([bytes(1500)])
    with pytest.raises(SinkError, match=r"j: full: .* mend the destination or raise sinks\.spool_mib"):
        journal.append([b"small", bytes(1500)])
    journal.append([b"small"])
    assert journal.head(9) == [bytes(1500), b"small"]
    journal.close()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"nowhere/j: cannot be opened: No such file or directory"):
        opened(tmp_path / "nowhere" / "j")


@pytest.mark.root
def test_a_full_disk_takes_nothing_half_and_acknowledges_all_the_same(small_disk: Path) -> None:
    journal = opened(small_disk / "j")
    journal.append([b"first", b"second"])
    (small_disk / "filler").write_bytes(bytes(56 << 10))
    with pytest.raises(SinkError, match="cannot be written: No space left on device"):
        journal.append([bytes(10_000)])
    journal.acknowledge(1)
    assert journal.head(9) == [b"second"]
    journal.close()
    again = opened(small_disk / "j")
    assert (again.head(9), again.damage) == ([b"second"], "")
    again.close()
