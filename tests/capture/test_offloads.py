"""Offloads that join packets are found, and the warning says how to turn them off."""

import subprocess

import pytest

from flowml.capture.offloads import joining_offloads, offload_warning
from tests.capture.network import wire


@pytest.mark.root
def test_offloads_that_join_packets_are_told_with_their_remedy() -> None:
    with wire() as cable:
        subprocess.run(["ethtool", "-K", cable.tap, "gro", "on"], check=True, capture_output=True)
        warning = offload_warning(cable.tap)
        assert warning is not None
        assert "GRO" in warning
        assert f"ethtool -K {cable.tap} gro off" in warning
        everything = ["gro", "off", "gso", "off", "tso", "off"]
        subprocess.run(["ethtool", "-K", cable.tap, *everything], check=True, capture_output=True)
        assert joining_offloads(cable.tap) == []
        assert offload_warning(cable.tap) is None


def test_an_interface_that_is_not_there_has_none() -> None:
    assert joining_offloads("absent0") == []
