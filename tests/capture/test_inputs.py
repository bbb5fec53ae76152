"""An interface that cannot be captured is refused in one line that says why and what to do."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from flowml.capture.engine import Engine
from flowml.capture.inputs import RingSettings, open_interface
from flowml.errors import CaptureError
from tests.capture.network import Wire, wire

pytestmark = pytest.mark.root
RING = RingSettings(ring_bytes=4 << 20)


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire() as one:
        yield one


def test_an_open_interface_has_a_socket_to_wait_for_and_counts(cable: Wire) -> None:
    capture = open_interface(Engine(), cable.tap, RING)
    assert capture.descriptor > 2
    assert capture.kernel_counters() == (0, 0)
    capture.close()
    capture.close()


@pytest.mark.parametrize("is_promiscuous", [True, False])
def test_promiscuous_mode_is_what_was_asked_for(cable: Wire, is_promiscuous: bool) -> None:
    capture = open_interface(Engine(), cable.tap, replace(RING, is_promiscuous=is_promiscuous))
    command = ["ip", "-d", "link", "show", cable.tap]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    capture.close()
    assert f"promiscuity {int(is_promiscuous)}" in told


def test_a_missing_interface_is_refused_with_those_that_exist() -> None:
    with pytest.raises(CaptureError, match=r"absent0: no such interface, expected one of .*lo.*, or any"):
        open_interface(Engine(), "absent0", RING)


def test_an_interface_that_is_down_is_refused_with_the_command(cable: Wire) -> None:
    cable.link("down")
    with pytest.raises(CaptureError, match=f"is down; bring it up with: ip link set {cable.tap} up"):
        open_interface(Engine(), cable.tap, RING)


def test_a_filter_that_is_none_is_refused(cable: Wire) -> None:
    with pytest.raises(CaptureError, match=r"'no such filter' is no packet filter"):
        open_interface(Engine(), cable.tap, RING, "no such filter")


UNPRIVILEGED = """
import os, sys
from flowml.capture.engine import Engine
from flowml.capture.inputs import RingSettings, open_interface
engine = Engine()
os.setuid(65534)
try:
    open_interface(engine, sys.argv[1], RingSettings())
except Exception as error:
    print(type(error).__name__, error)
"""


def test_without_permission_the_capability_is_named(cable: Wire) -> None:
    command = [sys.executable, "-c", UNPRIVILEGED, cable.tap]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.stdout.startswith(f"CaptureError {cable.tap}: no permission to capture"), told.stderr
    assert "CAP_NET_RAW" in told.stdout
