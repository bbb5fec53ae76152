from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from flowml.datasets.manifest import read_data_set
from flowml.datasets.store import read_flows
from flowml.errors import LabError
from flowml.flows.batch import FlowBatch
from flowml.lab.packing import pack_recording
from flowml.schema import DST_IP, SRC_IP
from tests.recorded import record_data_set

if TYPE_CHECKING:
    from pathlib import Path


def _addresses(folder: Path) -> set[bytes]:
    (capture,) = read_data_set(folder)
    capture.verify()
    flows = FlowBatch.concat(list(read_flows(capture.path)[0]))
    return {*flows[SRC_IP].tolist(), *flows[DST_IP].tolist()}


def test_a_packed_recording_has_the_same_truth(tmp_path: Path) -> None:
    recording = record_data_set(tmp_path / "recording")
    (table,) = pack_recording(recording, tmp_path / "packed")
    before, after = (
        tomllib.loads((folder / "manifest.toml").read_text()) for folder in (recording, tmp_path / "packed")
    )
    assert after["captures"][0]["file"] == table.name
    assert after["captures"][0]["servers"] == before["captures"][0]["servers"]
    assert {key: after[key] for key in before if key != "captures"} == {
        key: before[key] for key in before if key != "captures"
    }


def test_what_is_kept_is_a_share_of_the_servers_with_all_that_they_said(tmp_path: Path) -> None:
    recording = record_data_set(tmp_path / "recording", n_origins=8)
    pack_recording(recording, tmp_path / "all")
    pack_recording(recording, tmp_path / "half", keep_ratio=0.5)
    (whole,), (half,) = read_data_set(tmp_path / "all"), read_data_set(tmp_path / "half")
    kept = {server.ip.encode() for server in half.servers}
    assert 0 < len(kept) < len(whole.servers)
    servers = {server.ip.encode() for server in whole.servers}
    assert _addresses(tmp_path / "half") & servers == kept
    assert "--keep 0.5" in (tmp_path / "half" / "manifest.toml").read_text()


def test_a_folder_that_is_no_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"manifest\.toml: no manifest of a recording"):
        pack_recording(tmp_path, tmp_path / "packed")


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text("captures = []")
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="packed: cannot be made: Not a directory"):
        pack_recording(tmp_path, tmp_path / "file" / "packed")
