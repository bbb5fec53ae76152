"""Fixtures that find what a test needs of the machine, or skip and say so."""

import os
import signal
from pathlib import Path

# Small fits spend their time waiting for each other's threads otherwise; before anything loads OpenMP.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

# A shell starts background jobs with SIGINT ignored, and programs that the tests interrupt inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# no test fails for want of time: it would fail on a busy machine
hypothesis.settings.register_profile("flowml", deadline=None)
hypothesis.settings.load_profile("flowml")

REPOSITORY = Path(__file__).resolve().parent.parent
CAPTURES = Path(os.environ.get("FLOWML_CAPTURES", REPOSITORY.parent / "shared" / "captures"))


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of real captures with its manifest.toml."""
    if not (CAPTURES / "manifest.toml").is_file():
        pytest.skip(f"no real captures at {CAPTURES} (set FLOWML_CAPTURES)")
    return CAPTURES


@pytest.fixture
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs root where there is none."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root (network namespaces, raw sockets)"))
