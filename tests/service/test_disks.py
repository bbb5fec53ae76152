from pathlib import Path

import pytest

from flowml.service.disks import of_disks
from flowml.service.health import BAD, DISK_BAD_BYTES, DISK_WARN_BYTES, OK, WARN, of_disk


@pytest.mark.parametrize(
    ("free_bytes", "status"),
    [(DISK_WARN_BYTES, OK), (DISK_WARN_BYTES - 1, WARN), (DISK_BAD_BYTES - 1, BAD), (0, BAD)],
)
def test_a_disk_warns_before_it_is_full(free_bytes: int, status: str) -> None:
    found = of_disk("/var/lib/flowml", free_bytes)
    assert (found.name, found.status) == ("disk /var/lib/flowml", status)
    assert ("make room" in found.words) == (status != OK)


def test_a_disk_is_told_once_and_a_folder_that_is_not_there_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (found,) = of_disks([tmp_path / "none", tmp_path / "state", tmp_path])
    assert found.name == f"disk {tmp_path / 'state'}"


def test_disks_are_told_apart(tmp_path: Path) -> None:
    assert len(of_disks([tmp_path, Path("/dev/shm")])) == 2  # noqa: S108
