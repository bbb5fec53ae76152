"""What is no sound capture is refused in one line that helps; what is packed is unpacked on the way."""

import gzip
import os
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from flowml.capture.sources import open_capture
from flowml.errors import CaptureError
from tests.capture.frames import conversation, enhanced, interface, pcap, section

CAPTURE = pcap(conversation())


def _refusal(path: Path, *, allow_partial: bool = False) -> str:
    with pytest.raises(CaptureError) as caught, open_capture(path, allow_partial=allow_partial):
        pass
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    assert "no such file" in _refusal(tmp_path / "absent.pcap")
    assert "is a directory" in _refusal(tmp_path)


def test_a_pipe_is_refused_before_it_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "device or pipe" in _refusal(tmp_path / "pipe")


@pytest.mark.root
def test_an_unreadable_file_is_refused_for_its_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(CAPTURE)
    path.chmod(0)
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and parent not in (Path("/"), Path("/tmp")):  # noqa: S108
            parent.chmod(parent.stat().st_mode | 0o111)
    script = (
        "import os, sys; from pathlib import Path; from flowml.capture.sources import open_capture\n"
        "os.setuid(65534)\n"
        "try:\n    open_capture(Path(sys.argv[1])).__enter__()\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    told = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert told.stdout.startswith("CaptureError"), told.stderr
    assert "not readable for this user" in told.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"just some text, no packets\n", "no capture"),
        (CAPTURE[:11], "only 11 bytes of the file header"),
        (gzip.compress(b"text inside"), "no capture"),
        (gzip.compress(b""), "empty"),
        (pcap([], link_type=276), "link type 276 (Linux cooked v2"),
        (pcap([], link_type=108), "link type 108"),
        (
            section() + interface(1) + interface(113),
            "different link types (1 (Ethernet), 113 (Linux cooked))",
        ),
    ],
)
def test_what_cannot_be_metered_is_refused_for_its_reason(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(content)
    assert words in _refusal(path, allow_partial=True)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_a_capture_is_readable_packed_or_not_and_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = tmp_path / "capture.bin"
    path.write_bytes(pack(CAPTURE))
    with open_capture(path) as source:
        assert source.readable_path.read_bytes() == CAPTURE
        assert source.census.packets == 21
    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    ("content", "intact"),
    [
        (CAPTURE[:-10], 20),
        (gzip.compress(CAPTURE)[:-20], 10),
        (zstandard.compress(CAPTURE)[:-4], 0),  # one frame, nothing comes out of it
    ],
)
def test_a_cut_capture_is_refused_unless_a_part_is_enough(
    tmp_path: Path, content: bytes, intact: int
) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(content)
    if intact:
        assert "--allow-partial" in _refusal(path)
        with open_capture(path, allow_partial=True) as source:
            assert source.damage is not None
            assert source.census.packets >= intact
            assert CAPTURE.startswith(source.readable_path.read_bytes())
    else:
        _refusal(path)


def test_packets_behind_a_corrupt_header_are_not_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "corrupt.pcap"
    path.write_bytes(CAPTURE[:94] + b"\xff" * 100 + CAPTURE[194:])
    with open_capture(path, allow_partial=True) as source:
        assert source.damage is not None
        assert source.readable_path.stat().st_size == source.damage.offset


def test_interfaces_of_different_snapshot_lengths_are_joined_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "two.pcapng"
    frames = conversation()
    data = section() + interface(snapshot=65_535) + interface(snapshot=262_144)
    path.write_bytes(data + b"".join(enhanced(frame, t, number=t % 2) for t, frame in frames))
    with open_capture(path) as source:
        assert source.readable_path.read_bytes() == pcap(frames, snapshot=262_144)


def test_a_full_disk_while_unpacking_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "capture.pcap.gz"
    path.write_bytes(gzip.compress(CAPTURE))
    monkeypatch.setattr("flowml.capture.sources._temporary", lambda _stack: Path("/dev/full"))
    assert "No space left on device" in _refusal(path)


def test_a_small_file_that_unpacks_to_much_does_not_fill_the_memory(tmp_path: Path) -> None:
    def zstd_block(size: int, kind: int, content: bytes) -> bytes:
        return struct.pack("<I", size << 3 | kind << 1)[:3] + content

    path = tmp_path / "a.pcap.zst"
    repeated = zstd_block(1 << 17, 1, b"\xff")  # four bytes for 128 KiB of one value (RFC 8878, 3.1.1.2)
    frame = b"\x28\xb5\x2f\xfd\x00\x58" + zstd_block(len(CAPTURE), 0, CAPTURE) + 1500 * repeated
    path.write_bytes(frame + struct.pack("<I", 1)[:3])
    tracemalloc.start()
    try:
        assert "21 packets before it are intact" in _refusal(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20  # of 190 MiB
