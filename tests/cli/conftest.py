"""A capture and a detector for the commands' tests."""

from pathlib import Path

import pytest

from tests.traffic import both, save_detector, write_capture


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of half a minute with one miner and one browser."""
    return write_capture(tmp_path_factory.mktemp("captures") / "both.pcap", both())


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small detector."""
    folder = tmp_path_factory.mktemp("models") / "small"
    save_detector(folder)
    return folder
