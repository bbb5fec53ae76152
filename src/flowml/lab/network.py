"""Hosts in network namespaces on one wire, with a tap to listen on; gone when the context ends."""

from __future__ import annotations

import ipaddress
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowml.lab.namespaces import forget, ip, require_root, switch_offloads_off
from flowml.lab.processes import worker
from flowml.lab.wire import Link, Port, Wiring, carry
from flowml.signals import held_signals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INTERFACES = Path("/sys/class/net")
_SUBNET = ipaddress.IPv4Network("10.77.0.0/16")


@dataclass(frozen=True, slots=True)
class Host:
    """A machine of the lab: a network namespace with one IPv4 address."""

    namespace: str
    address: str


@dataclass(frozen=True, slots=True)
class Network:
    """Hosts that reach each other, and the interface (in our own namespace) that sees all their packets."""

    hosts: tuple[Host, ...]
    tap_interface: str


def address_of(number: int) -> str:
    """IPv4 address of the lab's host of that number, counted from 0."""
    return str(_SUBNET[number // 250 * 256 + number % 250 + 1])


@contextmanager
def network(links: Sequence[Link], seed: int) -> Iterator[Network]:
    """Make one host per link, connect them, and take everything down again, also after an exception.

    Parameters
    ----------
    links
        What lies between each host and the tap.
    seed
        Of jitter and loss.

    Raises
    ------
    LabError
        Without root, iproute2, network namespaces or veth.
    """
    require_root()
    label = secrets.token_hex(3)
    router, tap = f"flowml-{os.getpid()}-{label}", f"tap-{label}"
    hosts = tuple(Host(f"{router}-{n}", address_of(n)) for n in range(len(links)))
    wiring = Wiring(router, "tap", tuple(_port(n, link) for n, link in enumerate(links)), seed)
    try:
        _build(wiring, hosts, tap)
        with worker("wire", carry, wiring) as wire:
            wire.hear()
            yield Network(hosts, tap)
    finally:
        with held_signals():  # thousands of namespaces take seconds, and would stay if asked to end once more
            # First the tap: namespaces take their links down later, when the kernel finds the time.
            if (_INTERFACES / tap).exists():
                ip([f"link delete {tap}"])
            forget([router, *(host.namespace for host in hosts)])


def _port(number: int, link: Link) -> Port:
    address = address_of(number)
    return Port(address, f"h{number}", b"\x02\x00" + ipaddress.IPv4Address(address).packed, link)


def _build(wiring: Wiring, hosts: Sequence[Host], tap: str) -> None:
    router = wiring.namespace
    ip([f"netns add {router}", *(f"netns add {host.namespace}" for host in hosts)])
    cables = [
        f"link add {port.interface} netns {router} type veth peer name eth0 netns {host.namespace}"
        for port, host in zip(wiring.ports, hosts, strict=True)
    ]
    ip([f"link add {tap} type veth peer name {wiring.tap_feed} netns {router}", *cables])
    ip([f"link set {tap} arp off addrgenmode none up"])
    switch_offloads_off(None, tap)  # a sensor that listens there would rightly warn of them
    ends = (wiring.tap_feed, *(port.interface for port in wiring.ports))
    ip((f"link set {name} arp off addrgenmode none up" for name in ends), router)
    for port, host in zip(wiring.ports, hosts, strict=True):
        mac = port.mac.hex(":")
        ip(
            [
                "link set lo up",
                f"link set eth0 address {mac} arp off addrgenmode none",
                f"addr add {host.address}/{_SUBNET.prefixlen} dev eth0",
                "link set eth0 up",
            ],
            host.namespace,
        )
        switch_offloads_off(host.namespace, "eth0")
