"""What fuzzing asks of any input holds for the inputs it starts from."""

from pathlib import Path

import pytest

from flowml.capture import loop
from flowml.capture.census import ETHERNET
from tests.capture.frames import conversation
from tests.fuzz.seeds import file_seeds, packet_seeds, write_seeds
from tests.fuzz.targets import as_pcap, file_judge, pack, packets_judge, unpack


def test_files_of_every_kind_give_records_or_one_clear_error() -> None:
    seen: set[int] = set()
    judge = file_judge(seen.add)
    for seed in file_seeds():
        judge(seed)
    assert seen


def test_packets_of_every_kind_are_metered_or_counted_as_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "BATCH_RECORDS", loop.BATCH_RECORDS)  # the judge makes it small
    seen: set[int] = set()
    judge = packets_judge(seen.add)
    for seed in packet_seeds():
        judge(seed)
    assert len(seen) > 3


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xff", b"\1\0\0\xff\xff\0", bytes(500)])
def test_an_input_that_breaks_off_is_one_too(data: bytes) -> None:
    assert len(as_pcap(ETHERNET, unpack(data))) >= 24


def test_packets_survive_being_packed() -> None:
    frames = conversation()
    assert [frame for _, frame, _ in unpack(pack(ETHERNET, frames))] == [frame for _, frame in frames]


@pytest.mark.captures
@pytest.mark.parametrize("target", ["file", "packets"])
def test_seeds_are_cut_from_real_captures(captures: Path, tmp_path: Path, target: str) -> None:
    made = write_seeds(target, tmp_path / "made", None)
    assert write_seeds(target, tmp_path / "cut", captures / "mqtt") > made
