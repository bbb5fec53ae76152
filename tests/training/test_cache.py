from pathlib import Path

import numpy as np
import pytest

from flowml.datasets.manifest import read_data_set
from flowml.errors import DataError
from flowml.training import cache as module
from flowml.training.cache import gather_cached
from flowml.training.collect import gather
from tests.recorded import record_data_set


def test_a_second_evaluation_meters_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captures = read_data_set(record_data_set(tmp_path / "small", n_origins=2))
    first = gather_cached(captures, (0.0, 47.0), tmp_path / "cache")

    def meter(*_: object) -> None:
        raise AssertionError("metered again")

    monkeypatch.setattr(module, "gather", meter)
    again = gather_cached(captures, (0.0, 47.0), tmp_path / "cache")
    for name in ("is_mining", "origin", "connection", "lasted_s", "sensor_start_s"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    np.testing.assert_array_equal(again.observations.packets.time_ms, first.observations.packets.time_ms)


def test_what_is_cached_is_what_is_collected(tmp_path: Path) -> None:
    captures = read_data_set(record_data_set(tmp_path / "small", n_origins=2))
    cached, collected = gather_cached(captures, (0.0,), tmp_path / "cache"), gather(captures, (0.0,))
    np.testing.assert_array_equal(cached.observations.server_ip, collected.observations.server_ip)
    np.testing.assert_array_equal(
        cached.observations.packets.size_bytes, collected.observations.packets.size_bytes
    )


def test_another_truth_or_another_sensor_is_another_entry(tmp_path: Path) -> None:
    folder = record_data_set(tmp_path / "small", n_origins=2)
    gather_cached(read_data_set(folder), (0.0,), tmp_path / "cache")
    gather_cached(read_data_set(folder), (0.0, 47.0), tmp_path / "cache")
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text().replace('"telemetry"', '"mqtt"'))
    labelled = gather_cached(read_data_set(folder), (0.0,), tmp_path / "cache")
    assert "mqtt" in labelled.family
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    captures = read_data_set(record_data_set(tmp_path / "small", n_origins=2))
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        gather_cached(captures, (0.0,), tmp_path / "file" / "cache")
