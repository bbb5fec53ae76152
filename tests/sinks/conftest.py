"""What destinations need: a small disk, a certificate."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sinks.servers import Certificate, certificate_for_loopback


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "flowml-test", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of a server on loopback, which signed itself."""
    return certificate_for_loopback(tmp_path_factory.mktemp("certificate"))
