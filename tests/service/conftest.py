"""Captures for the service's tests."""

from pathlib import Path

import pytest

from tests.traffic import both, write_capture


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of twelve seconds with one miner and one browser."""
    return write_capture(tmp_path_factory.mktemp("captures") / "both.pcap", both())
