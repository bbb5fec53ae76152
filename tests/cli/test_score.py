import gzip
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowml.cli.main import run
from tests.processes import children, eventually, flowml, is_alive, start_flowml
from tests.sinks.test_connections import validator
from tests.traffic import both, browser, write_capture


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_mining_is_found_shown_and_written(
    capture: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connections, eve = tmp_path / "out.jsonl", tmp_path / "eve.json"
    options = ["--model", str(model), "--connections", str(connections), "--eve", str(eve)]
    assert run(["score", str(capture), *options]) == 0
    shown = capsys.readouterr()
    assert "10.0.0.2:40000" in shown.out
    assert "203.0.113.80" not in shown.out
    assert "\n2 connections seen, 1 tagged as mining, 0 unsure; tagged 30 s after" in shown.out
    assert shown.err == ""
    records = {record["dest_port"]: record for record in lines(connections)}
    assert {port: record["verdict"] for port, record in records.items()} == {3333: "mining", 443: "benign"}
    for record in records.values():
        validator("connection.schema.json").validate(record)
        assert record["file"] == str(capture)
    (alert,) = lines(eve)
    validator("alert.schema.json").validate(alert)
    assert alert["community_id"] == records[3333]["community_id"]


def test_nothing_but_the_figures_is_shown_where_nothing_mines(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = next(ends for ends in both() if ends.server_port == 443)
    capture = write_capture(tmp_path / "quiet.pcap", {site: browser(seed=9)})
    assert run(["score", str(capture), "--model", str(model)]) == 0
    assert capsys.readouterr().out == "1 connections seen, 0 tagged as mining, 0 unsure\n"


def test_each_capture_is_judged_by_itself(capture: Path, model: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin.pcap"
    twin.write_bytes(capture.read_bytes())
    out = tmp_path / "out.jsonl"
    assert run(["score", str(capture), str(twin), "--model", str(model), "--connections", str(out)]) == 0
    by_file: dict[str, list[Any]] = {}
    for record in lines(out):
        by_file.setdefault(record.pop("file"), []).append(record)
    assert by_file[str(capture)] == by_file[str(twin)]


def bad_captures(capture: Path, folder: Path) -> dict[str, tuple[Path, str]]:
    """Every kind of file that is no sound capture, and what shall be said of it."""
    whole = capture.read_bytes()
    contents = {
        "empty.pcap": (b"", "empty"),
        "text.pcap": (b"Dear diary, today I mined nothing at all.\n", "no capture"),
        "header.pcap": (whole[:10], "only 10 bytes of the file header"),
        "cut.pcap": (whole[: len(whole) // 2], "cut or corrupt"),
        "cut.pcap.gz": (gzip.compress(whole)[:2000], "cut or corrupt"),
        "usb.pcap": (whole[:20] + b"\xbd\0\0\0" + whole[24:], "link type"),
    }
    kinds = {"missing.pcap": (folder / "missing.pcap", "no such file"), "folder": (folder, "is a directory")}
    for name, (data, said) in contents.items():
        (folder / name).write_bytes(data)
        kinds[name] = (folder / name, said)
    return kinds


KINDS = (
    "missing.pcap",
    "folder",
    "empty.pcap",
    "text.pcap",
    "header.pcap",
    "cut.pcap",
    "cut.pcap.gz",
    "usb.pcap",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_capture_that_cannot_be_read_is_one_line_and_nothing_is_written(
    kind: str, capture: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    path, said = bad_captures(capture, folder)[kind]
    out, eve = tmp_path / "out.jsonl", tmp_path / "eve.json"
    outputs = ["--connections", str(out), "--eve", str(eve)]
    assert run(["score", str(path), "--model", str(model), *outputs]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"flowml: {path}: ")
    assert said in told.err
    assert told.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [folder]


def test_bad_captures_are_named_and_cost_the_good_ones_nothing(
    capture: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    bad = [path for path, _ in bad_captures(capture, folder).values()]
    paths = [bad[0], capture, *bad[1:]]
    out = tmp_path / "out.jsonl"
    assert run(["score", *map(str, paths), "--model", str(model), "--connections", str(out)]) == 2
    told = capsys.readouterr()
    assert [record["file"] for record in lines(out)] == [str(capture)] * 2
    assert "2 connections seen, 1 tagged" in told.out
    for path in bad:
        assert f"flowml: {path}: " in told.err
    assert told.err.endswith(
        "8 of 9 captures could not be scored, the lines above say why; the others are complete\n"
    )


def test_if_no_capture_can_be_read_nothing_is_written(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("before")
    arguments = [str(tmp_path / "a"), str(tmp_path / "b"), "--model", str(model), "--connections", str(out)]
    assert run(["score", *arguments]) == 2
    assert "none of the 2 captures could be scored" in capsys.readouterr().err
    assert out.read_text() == "before"


def test_the_sound_part_of_a_cut_capture_is_scored_if_that_is_allowed(
    capture: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = bad_captures(capture, tmp_path)["cut.pcap"]
    assert run(["score", str(path), "--model", str(model), "--allow-partial"]) == 0
    told = capsys.readouterr()
    assert "2 connections seen" in told.out
    assert "cut or corrupt at byte" in told.err


@pytest.mark.parametrize("option", ["--connections", "--eve"])
def test_a_capture_is_never_overwritten(
    option: str, capture: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = capture.read_bytes()
    assert run(["score", str(capture), "--model", str(model), option, str(capture)]) == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert capture.read_bytes() == before


def test_an_output_that_cannot_be_written_is_told_before_anything_is_scored(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["score", str(capture), "--model", "/none", "--connections", "/nowhere/out.jsonl"]) == 2
    assert "flowml: /nowhere/out.jsonl: cannot be written" in capsys.readouterr().err


def test_a_model_that_is_none_is_one_line(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["score", str(capture), "--model", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"flowml: {tmp_path}/SHA256SUMS: No such file")
    assert told.count("\n") == 1


def test_a_model_with_one_byte_changed_is_refused(
    capture: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "changed"
    changed.mkdir()
    for path in model.iterdir():
        data = bytearray(path.read_bytes())
        data[-2] ^= path.name == "estimators.skops"
        (changed / path.name).write_bytes(data)
    assert run(["score", str(capture), "--model", str(changed)]) == 2
    assert "estimators.skops: does not match its checksum" in capsys.readouterr().err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with no room at all."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "flowml-test", folder], check=True)
    (folder / "filler").write_bytes(bytes(8 << 10))
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
@pytest.mark.parametrize("option", ["--connections", "--eve"])
def test_a_full_disk_is_one_line_that_names_the_file_and_leaves_no_half_file(
    option: str, capture: Path, model: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = small_disk / "out.json"
    assert run(["score", str(capture), "--model", str(model), option, str(out)]) == 2
    told = capsys.readouterr()
    assert told.err == (
        f"flowml: {out}: cannot be written: No space left on device; check the folder, its permissions and "
        "its free space, or name another file\n"
    )
    assert told.out == ""
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_ctrl_c_leaves_nothing_half_written_and_no_process(
    captures: Path, model: Path, tmp_path: Path
) -> None:
    many = sorted(captures.rglob("*.pcap*"), key=lambda path: -path.stat().st_size)[:4]
    out = tmp_path / "out.jsonl"
    process = start_flowml("score", *many, "--model", model, "--connections", out)
    assert eventually(lambda: any(tmp_path.iterdir()))
    started = children(process.pid)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=20)
    assert (process.returncode, told) == (130, ("", "flowml: interrupted\n"))
    assert list(tmp_path.iterdir()) == []
    assert not any(map(is_alive, started))


def test_several_jobs_tell_the_same_byte_for_byte(capture: Path, model: Path, tmp_path: Path) -> None:
    written = []
    for jobs in ("1", "2", "3"):
        connections, eve = tmp_path / f"{jobs}.jsonl", tmp_path / f"{jobs}.json"
        outputs = ("--connections", connections, "--eve", eve)
        done = flowml("score", capture, "--model", model, "--jobs", jobs, *outputs)
        assert (done.returncode, done.stderr) == (0, "")
        written.append((done.stdout, connections.read_bytes(), eve.read_bytes()))
    assert written[0] == written[1] == written[2]


def test_ctrl_c_while_a_thread_opens_the_capture_and_the_model_is_not_there_yet(
    capture: Path, model: Path, tmp_path: Path
) -> None:
    data, big = capture.read_bytes(), tmp_path / "big.pcap.gz"
    packed = gzip.compress(data[24:] * (1_000_000 // len(data)))
    big.write_bytes(gzip.compress(data[:24]) + packed * 200)  # 200 MB, which the thread unpacks
    for _ in range(3):
        process = start_flowml("score", big, "--model", model, "-j", "2")
        assert eventually(lambda: len(list(Path(f"/proc/{process.pid}/task").iterdir())) == 2)  # noqa: B023
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]  # it waited for its thread for ever once
        assert (process.returncode, said.splitlines()[-1]) == (130, "flowml: interrupted")


@pytest.mark.parametrize(("files", "jobs"), [(1, 2), (1, 3), (3, 2)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_workers_and_leaves_nothing(
    files: int, jobs: int, number: signal.Signals, crowd: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    process = start_flowml("score", *[crowd] * files, "--model", model, "--connections", out, "-j", str(jobs))
    assert eventually(lambda: len(children(process.pid)) == jobs - 1)
    started = children(process.pid)
    process.send_signal(number)
    told = process.communicate(timeout=30)
    expected = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}[number]
    assert (process.returncode, told) == (expected[0], ("", f"flowml: {expected[1]}\n"))
    assert list(tmp_path.iterdir()) == []
    assert eventually(lambda: not any(map(is_alive, started)))
