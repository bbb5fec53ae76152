import subprocess
import sys

import pytest

from tests.processes import ENVIRONMENT

PROGRAM = """
from flowml.service.privileges import CAP_NET_RAW, keep_only
keep_only(CAP_NET_RAW)
for line in open("/proc/self/status"):
    if line.startswith(("CapEff", "CapPrm", "NoNewPrivs")):
        print(*line.split())
"""


def told(*before: str) -> list[str]:
    command = [*before, sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    return done.stdout.splitlines()


@pytest.mark.root
def test_root_keeps_one_capability() -> None:
    assert told() == ["CapPrm: 0000000000002000", "CapEff: 0000000000002000", "NoNewPrivs: 1"]


@pytest.mark.root
def test_who_has_none_gets_none() -> None:
    command = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    assert told(*command) == ["CapPrm: 0000000000000000", "CapEff: 0000000000000000", "NoNewPrivs: 1"]
