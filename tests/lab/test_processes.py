from __future__ import annotations

import resource

import pytest

from flowml.errors import LabError
from flowml.lab.processes import require_files


def test_more_clients_than_files_may_be_open_is_said_before_anything_starts() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(LabError, match=f"open files, the limit is {most}; raise it"):
        require_files(most)
    require_files(10)
