"""The kernel's list of interfaces, and which of them show every packet once."""

import socket
import subprocess
import sys

import pytest

from flowml.capture.links import Link, index_of, is_up, links, watchable
from tests.capture.network import wire
from tests.namespaces import tap
from tests.processes import ENVIRONMENT


def link(index: int, name: str, **changes: object) -> Link:
    values = {
        "is_up": True, "is_loopback": False, "device_type": 1, "kind": "", "master": 0, "lower": 0, **changes
    }  # fmt: skip
    return Link(index, name, **values)  # type: ignore[arg-type]


def test_the_list_is_the_kernels() -> None:
    assert [(one.index, one.name) for one in links()] == socket.if_nameindex()
    assert index_of("lo") == socket.if_nametoindex("lo")
    assert index_of("absent0") == 0
    assert not is_up("absent0")


def test_loopback_what_is_down_and_what_carries_no_ip_is_not_watched() -> None:
    listed = [
        link(1, "lo", is_loopback=True, device_type=772),
        link(2, "eth0"),
        link(3, "eth1", is_up=False),
        link(4, "can0", device_type=280),
        link(5, "wg0", device_type=0xFFFE, kind="wireguard"),
    ]
    assert watchable(listed) == ["eth0", "wg0"]


def test_what_another_interface_shows_is_not_watched_twice() -> None:
    listed = [
        link(2, "eth0", master=4),
        link(3, "eth1", master=5),
        link(4, "br0", kind="bridge"),
        link(5, "ovs-system", kind="openvswitch", is_up=False),
        link(6, "br0.7", kind="vlan", lower=4),
        link(7, "veth0", kind="veth", lower=4),
    ]
    assert watchable(listed) == ["eth1", "br0", "veth0"]


@pytest.mark.root
def test_an_interface_goes_down_and_up() -> None:
    with wire() as cable:
        assert is_up(cable.tap)
        assert cable.tap in watchable(links())
        cable.link("down")
        assert not is_up(cable.tap)


@pytest.mark.root
def test_a_port_of_a_bridge_is_seen_on_the_bridge() -> None:
    program = "from flowml.capture.links import links, watchable\nprint(*watchable(links()))"
    with tap() as made:
        made.run("ip", "link", "add", "br0", "type", "bridge")
        made.run("ip", "link", "set", made.interface, "master", "br0")
        made.run("ip", "link", "set", "br0", "up")
        command = made.inside(sys.executable, "-c", program)
        told = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True).stdout
    assert sorted(told.split()) == ["br0", made.sender]
