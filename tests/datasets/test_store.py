"""Flow tables survive the way to disk and back; a bad one is refused, a half one never stands there."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flowml.datasets.store import read_flows, write_flows
from flowml.errors import DataError
from flowml.flows.batch import FlowBatch
from flowml.flows.packets import PacketSequences
from flowml.schema import RECORD_COLUMNS, SRC_IP


def _batch(records: int, seed: int) -> FlowBatch:
    random = np.random.default_rng(seed)
    columns = {
        column.name: random.integers(0, 2 if column.dtype == "?" else 200, records).astype(column.numpy_dtype)
        for column in RECORD_COLUMNS
    }
    counts = random.integers(0, 5, records)
    times = random.integers(0, 1 << 40, counts.sum())
    sizes = random.integers(-1500, 1500, counts.sum()).astype(np.int32)
    return FlowBatch(columns, PacketSequences.from_counts(counts, times, sizes))


def _assert_equal(left: FlowBatch, right: FlowBatch) -> None:
    for column in RECORD_COLUMNS:
        np.testing.assert_array_equal(left[column], right[column], column.name)
    np.testing.assert_array_equal(left.packets.offsets, right.packets.offsets)
    np.testing.assert_array_equal(left.packets.time_ms, right.packets.time_ms)
    np.testing.assert_array_equal(left.packets.size_bytes, right.packets.size_bytes)


def test_records_packets_and_metadata_come_back_as_they_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowml.datasets.store.ROW_GROUP_RECORDS", 150)
    batches = [_batch(100, 1), _batch(100, 2), FlowBatch.empty(), _batch(7, 3)]
    assert write_flows(tmp_path / "flows.parquet", iter(batches), {"meter": "test"}) == 207
    read, metadata = read_flows(tmp_path / "flows.parquet")
    groups = list(read)
    assert [len(group) for group in groups] == [200, 7]
    _assert_equal(FlowBatch.concat(groups), FlowBatch.concat(batches))
    assert metadata["meter"] == "test"
    assert groups[0][SRC_IP].dtype == np.dtype("S46")


def test_a_table_without_a_record_is_a_table(tmp_path: Path) -> None:
    assert write_flows(tmp_path / "flows.parquet", [], {}) == 0
    read, _ = read_flows(tmp_path / "flows.parquet")
    assert list(read) == []


def test_a_source_that_fails_half_way_leaves_the_old_table_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "flows.parquet"
    write_flows(path, [_batch(3, 1)], {})
    before = path.read_bytes()

    def failing() -> Iterator[FlowBatch]:
        yield _batch(5, 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_flows(path, failing(), {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.root
def test_a_full_disk_names_the_table_and_leaves_nothing_behind(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
    try:
        with pytest.raises(DataError, match=r"flows\.parquet: cannot be written: .*No space left"):
            write_flows(small / "flows.parquet", (_batch(5000, seed) for seed in range(20)), {})
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent/flows\.parquet: cannot be written"):
        write_flows(tmp_path / "absent" / "flows.parquet", [], {})


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/flows\.parquet: cannot be written: Not a directory"):
        write_flows(tmp_path / "file" / "flows.parquet", [], {})


def test_missing_foreign_and_cut_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_flows(tmp_path / "absent.parquet")
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"a": [1]}), foreign)
    with pytest.raises(DataError, match="has no record schema"):
        read_flows(foreign)
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    write_flows(whole, [_batch(500, 1)], {})
    shutil.copy(whole, cut)
    with cut.open("r+b") as file:
        file.truncate(whole.stat().st_size // 2)
    with pytest.raises(DataError, match="not a whole flow table"):
        read_flows(cut)


def test_a_table_of_another_schema_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "flows.parquet"
    write_flows(path, [_batch(3, 1)], {})
    monkeypatch.setattr("flowml.datasets.store.SCHEMA_DIGEST", "f" * 64)
    with pytest.raises(DataError, match="this flowml reads ffffffffffff; meter the captures again"):
        read_flows(path)


def test_damage_inside_a_row_group_is_an_error_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "flows.parquet"
    write_flows(path, [_batch(5000, 1)], {})
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(bytes(3000))
    read, _ = read_flows(path)
    with pytest.raises(DataError, match="not a whole flow table"):
        list(read)
