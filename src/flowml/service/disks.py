"""The disks that a sensor writes to, and how much of them is free."""

import os
from collections.abc import Iterable
from pathlib import Path

from flowml.service.health import Finding, of_disk


def of_disks(folders: Iterable[Path]) -> list[Finding]:
    """Judge the disk of each folder, once if several are on one; a folder that is not there has none."""
    seen, findings = set[int](), []
    for folder in folders:
        try:
            device, room = folder.stat().st_dev, os.statvfs(folder)
        except OSError:
            continue  # whoever writes there tells that
        if device not in seen:
            seen.add(device)
            findings.append(of_disk(str(folder), room.f_bavail * room.f_frsize))
    return findings
