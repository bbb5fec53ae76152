from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.cli.main import run
from flowml.datasets.manifest import read_data_set
from tests.datasets.test_fetching import Source, serving

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def _list(path: Path, source: Source, sha256: str) -> Path:
    about = 'label = "benign"\nuse = "train"\nlicence = "MIT"\nsource = "somewhere"\ncontent = "none"\n'
    url = f'url = "http://127.0.0.1:{source.port}/"\n'
    files = f'"a.pcap" = "{sha256}"\n'
    path.write_text(f"[one]\n{about}{url}[one.files]\n{files}[cut]\n{about}[cut.files]\n{files}")
    return path


def test_public_captures_are_fetched_into_a_data_set_and_what_has_no_address_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "captures"
    with serving(Source(breaks_after=100_000)) as source:
        listed = _list(tmp_path / "public.toml", source, source.file().sha256)
        assert run(["datasets", "fetch", str(listed), "-o", str(folder)]) == 0
        assert run(["datasets", "fetch", str(listed), "-o", str(folder)]) == 0, "nothing is asked for again"
        assert run(["datasets", "check", str(folder), str(listed)]) == 0
    said = capsys.readouterr()
    assert f"{folder / 'one'}: 1 captures, verified" in said.out
    assert "one: 1 of 1 listed captures are there" in said.out
    assert "cut: 0 of 1 listed captures are there" in said.out
    assert "cut: 1 captures of somewhere were cut" in said.err
    assert len(source.asked) == 4, "three that broke off and the last; none the second time"
    assert [capture.path for capture in read_data_set(folder)] == [folder / "one" / "a.pcap"]


def test_a_wrong_checksum_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Source()) as source:
        listed = _list(tmp_path / "public.toml", source, "0" * 64)
        assert run(["datasets", "fetch", str(listed), "-o", str(tmp_path / "captures")]) == 2
    said = capsys.readouterr().err.strip()
    assert "SHA-256" in said
    assert "\n" not in said


def test_connections_of_a_data_set_are_counted_by_label(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repository / "datasets" / "monero-3"
    assert run(["datasets", "count", str(folder)]) == 0
    mining, benign = capsys.readouterr().out.splitlines()
    assert mining == f"{folder}: mining 86 connections, at least 86 of 20 s, 86 of 60 s, 86 of 300 s"
    assert benign.startswith(f"{folder}: benign 0 connections")
