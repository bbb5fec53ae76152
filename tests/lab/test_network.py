from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowml.lab.namespaces import socket_in
from flowml.lab.network import Network, address_of, network
from flowml.lab.processes import bound_to_parent
from flowml.lab.wire import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NEAR = Link(0.001, 0.0, 0.0, 1e8)
_FAR = Link(0.1, 0.0, 0.0, 1e8)


def _namespaces() -> str:
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


def _interfaces() -> list[str]:
    return [name for _, name in socket.if_nameindex()]


def _pair(net: Network) -> tuple[socket.socket, socket.socket]:
    client_host, server_host = net.hosts
    with socket_in(server_host.namespace, socket.AF_INET, socket.SOCK_STREAM) as door:
        door.bind((server_host.address, 7000))
        door.listen()
        client = socket_in(client_host.namespace, socket.AF_INET, socket.SOCK_STREAM)
        client.settimeout(20)
        client.connect((server_host.address, 7000))
        server, _ = door.accept()
    server.settimeout(20)
    return client, server


def test_addresses_are_valid_and_differ() -> None:
    addresses = [address_of(number) for number in range(2000)]
    assert len(set(addresses)) == 2000
    assert not any(address.endswith((".0", ".255")) for address in addresses)


@pytest.mark.root
def test_a_round_trip_takes_both_links_twice() -> None:
    with network([_NEAR, _FAR], seed=1) as net:
        client, server = _pair(net)
        with client, server:
            started = time.monotonic()
            client.sendall(b"ping")
            server.sendall(server.recv(4))
            assert client.recv(4) == b"ping"
            assert time.monotonic() - started >= 2 * (_NEAR.delay_s + _FAR.delay_s)


@pytest.mark.root
@pytest.mark.parametrize("link", [Link(0.002, 0.001, 0.02, 1e8), Link(0.002, 0.001, 0.0, 1e8, 0.2)])
def test_large_data_arrives_whole_over_a_link_that_loses_or_reorders_packets(link: Link) -> None:
    sent = bytes(range(256)) * 400
    with network([_NEAR, link], seed=1) as net:
        client, server = _pair(net)
        with client, server:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: server.recv(65536), b"")) == sent


@pytest.mark.root
def test_nothing_is_left_behind_after_an_exception() -> None:
    seen: list[Network] = []
    with suppress(ZeroDivisionError), network([_NEAR, _FAR], seed=1) as net:
        seen.append(net)
        raise ZeroDivisionError
    assert seen[0].tap_interface not in _interfaces()
    assert seen[0].hosts[0].namespace not in _namespaces()


class _AskedToEnd(BaseException):
    pass


@pytest.fixture
def ends_on_sigterm() -> Iterator[None]:
    def end(*_: object) -> None:
        raise _AskedToEnd

    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)


def _take_down_and_be_asked(seen: list[Network]) -> None:
    """Ask this process to end as soon as the first namespace is gone."""

    def ask(router: Path) -> None:
        while router.exists():
            time.sleep(0.0005)
        os.kill(os.getpid(), signal.SIGTERM)

    with network([_NEAR] * 150, seed=1) as net:
        seen.append(net)
        router = net.hosts[0].namespace.rpartition("-")[0]
        asking = threading.Thread(target=ask, args=(Path("/run/netns", router),))
        asking.start()
    asking.join()


@pytest.mark.root
@pytest.mark.usefixtures("ends_on_sigterm")
def test_who_is_asked_to_end_while_the_network_is_taken_down_ends_when_it_is_down() -> None:
    seen: list[Network] = []
    with pytest.raises(_AskedToEnd):
        _take_down_and_be_asked(seen)
    assert not set(_namespaces().split()) & {host.namespace for host in seen[0].hosts}
    assert seen[0].tap_interface not in _interfaces()


@pytest.mark.root
def test_a_program_that_forks_and_changes_its_user_dies_with_its_parent() -> None:
    nap = "86399.25"
    with network([_NEAR], seed=1) as net:
        argv = bound_to_parent(
            net.hosts[0].namespace, ("setpriv", "--reuid", "1", "sh", "-c", f"sleep {nap} & sleep {nap}")
        )
        process = subprocess.Popen(argv)
        _wait_until(lambda: len(_processes(nap)) >= 2)
        process.kill()
        process.wait()
        _wait_until(lambda: not _processes(nap))


def _processes(nap: str) -> list[str]:
    listing = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if line == f"sleep {nap}"]


def _wait_until(happens: Callable[[], bool]) -> None:
    for _ in range(200):
        if happens():
            return
        time.sleep(0.05)
    pytest.fail("did not happen within 10 s")
