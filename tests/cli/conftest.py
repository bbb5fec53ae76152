"""A capture and a detector for the commands' tests."""

from pathlib import Path

import pytest

from tests.traffic import both, save_detector, write_capture, write_crowd


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of half a minute with one miner and one browser."""
    return write_capture(tmp_path_factory.mktemp("captures") / "both.pcap", both())


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of thousands of miners, which takes seconds to score."""
    return write_crowd(tmp_path_factory.mktemp("captures") / "crowd.pcap", 6000)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small detector."""
    folder = tmp_path_factory.mktemp("models") / "small"
    save_detector(folder)
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a state folder and nothing else."""
    (tmp_path / "state").mkdir()
    path = tmp_path / "flowml.toml"
    path.write_text('[state]\nfolder = "state"\n')
    return path
