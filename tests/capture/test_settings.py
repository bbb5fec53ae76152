"""Meter settings are checked together and describe themselves for whoever compares tables."""

import pytest

from flowml.capture.settings import MeterSettings
from flowml.errors import ConfigError


def test_all_settings_out_of_range_are_told_together() -> None:
    with pytest.raises(
        ConfigError, match=r"idle_timeout_s is 0, expected 1 to 86400; n_dissections is 256.*snapshot_ages_s"
    ):
        MeterSettings(idle_timeout_s=0, n_dissections=256, snapshot_ages_s=(10, 500))


@pytest.mark.parametrize("counts", [(0,), (8, 8), (32, 8), (2_000_000,)])
def test_counts_of_packets_rise(counts: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"snapshot_packets is .*, expected rising numbers"):
        MeterSettings(snapshot_packets=counts)


def test_the_description_names_timeouts_versions_and_schema() -> None:
    described = MeterSettings(active_timeout_s=30).describe()
    assert described["active_timeout_s"] == "30"
    assert described["accounting_mode"] == "3"
    assert described["nfstream_version"] == "6.6.0"
    assert described["ndpi_version"].startswith("5.")
    assert len(described["record_schema"]) == 64
