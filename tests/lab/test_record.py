"""Whole scenarios for a few seconds, compared with what tshark sees."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard

from flowml.datasets.manifest import read_data_set
from flowml.errors import LabError
from flowml.lab.actor import Actor, Parameters
from flowml.lab.casting import actor_named
from flowml.lab.record import record, running
from flowml.lab.recorder import record_while
from flowml.lab.scenario import Cast, Scenario, by_name, missing_programs, plan
from flowml.lab.scenarios import scenarios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.random import Generator

    from flowml.lab.site import Site


_PATIENCE_S = 180.0
_FIRST_EPHEMERAL_PORT = 32768  # net.ipv4.ip_local_port_range


def _short(name: str, clients: int | None = None) -> Scenario:
    """Return a scenario with one server of each actor, all clients within two seconds."""
    scenario = by_name(scenarios(), name)
    actors = [cast.actor for cast in scenario.casts]
    if clients:
        actors = [replace(actor, clients=(clients, clients)) for actor in actors]
    casts = tuple(Cast(actor) for actor in actors)
    return replace(scenario, casts=casts, lead_s=3.0, early_ratio=0.0, arrivals_s=2.0)


def _draw_nothing(rng: Generator) -> Parameters:
    return {}


async def _break(site: Site, rng: Generator) -> None:
    raise ZeroDivisionError


async def _no_server(site: Site, rng: Generator) -> None:
    await site.run_server("sh", "-c", "echo no such port >&2; exit 3")


async def _wait(site: Site, rng: Generator) -> None:
    await asyncio.Event().wait()


async def _stay(site: Site, rng: Generator) -> None:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def _find_no_file(site: Site, rng: Generator) -> None:
    (site.folder / "none").read_bytes()


_BROKEN = Actor("broken", "none", _draw_nothing, _break, _break, ports=(1,))


def conversations(capture: Path) -> set[tuple[str, int]]:
    """Ends of connections, over TCP and UDP, on which payload flowed, as tshark sees them."""
    payload = "(tcp.len > 0 or udp.length > 8) and not icmp"
    columns = ("ip.src", "tcp.srcport", "udp.srcport", "ip.dst", "tcp.dstport", "udp.dstport")
    fields = [word for column in columns for word in ("-e", column)]
    argv = ["tshark", "-n", "-r", str(capture), "-Y", payload, "-T", "fields", *fields]
    listing = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    ends: set[tuple[str, int]] = set()
    for line in listing.splitlines():
        source, tcp, udp, destination, to_tcp, to_udp = line.split("\t")
        ends |= {(source, int(tcp or udp)), (destination, int(to_tcp or to_udp))}
    return ends


@pytest.mark.root
def test_every_server_of_a_recording_is_seen_on_the_wire_and_stands_in_the_manifest(tmp_path: Path) -> None:
    scenario = _short("demo")
    record(scenario.name, [scenario], tmp_path, seed=5, duration_s=8.0)
    (capture,) = tomllib.loads((tmp_path / "manifest.toml").read_text())["captures"]
    listed = {(server["ip"], server["port"]) for server in capture["servers"]}
    assert listed == {server for instance in plan(scenario, 5).instances for server in instance.servers}
    assert listed == _servers_among(conversations(_unpacked(tmp_path / capture["file"])))


@pytest.mark.root
def test_every_actor_speaks(tmp_path: Path) -> None:
    """Wait for each: a browser needs a second on an idle machine and half a minute on a busy one."""
    scenario = _short("wide", clients=1)
    if missing_programs(scenario):
        pytest.skip(f"needs the packages {', '.join(missing_programs(scenario))}")
    capture = tmp_path / "wide.pcap.zst"
    with running(scenario, seed=5) as lab, _tap(lab.tap_interface) as tap:
        silent = {(server.ip, server.port): server.origin for server in lab.truth}
        servers = set(silent)
        record_while(lambda: _hear(tap, silent), lab.tap_interface, capture)
    assert not silent, f"said nothing within {_PATIENCE_S:g} s: {', '.join(silent.values())}"
    assert servers <= conversations(_unpacked(capture))


@contextmanager
def _tap(interface: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)) as tap:
        tap.bind((interface, 0x0003))
        tap.settimeout(1.0)
        yield tap


def _hear(tap: socket.socket, silent: dict[tuple[str, int], str]) -> None:
    """Strike out whoever sends payload, until nobody is left or the patience ends."""
    deadline = time.monotonic() + _PATIENCE_S
    while silent and time.monotonic() < deadline:
        with suppress(TimeoutError):
            for end in _ends(tap.recv(65535)):
                silent.pop(end, None)


def _ends(frame: bytes) -> list[tuple[str, int]]:
    """Both ends of an Ethernet frame of IPv4 with payload over TCP or UDP; nothing for others."""
    ip = frame[14:]
    if frame[12:14] != b"\x08\x00" or ip[9] not in {socket.IPPROTO_TCP, socket.IPPROTO_UDP}:
        return []
    segment = ip[4 * (ip[0] & 15) : int.from_bytes(ip[2:4])]
    header_bytes = 4 * (segment[12] >> 4) if ip[9] == socket.IPPROTO_TCP else 8
    if len(segment) <= header_bytes:
        return []
    source, target = (int.from_bytes(segment[n : n + 2]) for n in (0, 2))
    return [(socket.inet_ntoa(ip[12:16]), source), (socket.inet_ntoa(ip[16:20]), target)]


def _unpacked(capture: Path) -> Path:
    packets = capture.with_suffix("")
    packets.write_bytes(zstandard.ZstdDecompressor().decompress(capture.read_bytes()))
    return packets


def _servers_among(ends: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Leave clients out, whose ports are ephemeral."""
    return {(address, port) for address, port in ends if port < _FIRST_EPHEMERAL_PORT}


@pytest.mark.root
def test_a_scenario_in_parts_makes_one_data_set(tmp_path: Path) -> None:
    parts = [
        Scenario(f"pair-{n}", "", (Cast(actor_named("telemetry")),), 2.0, lead_s=2.0, early_ratio=1.0)
        for n in (1, 2)
    ]
    record("pair", parts, tmp_path, seed=1, duration_s=2.0)
    captures = read_data_set(tmp_path)
    assert [capture.path.name for capture in captures] == ["pair-1.pcap.zst", "pair-2.pcap.zst"]
    assert [capture.verify() for capture in captures] == [capture.sha256 for capture in captures]
    origins = [server.origin for capture in captures for server in capture.servers]
    assert len(set(origins)) == len(origins) == 2


@pytest.mark.root
def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "demo.pcap.zst").write_bytes(b"")
    with pytest.raises(LabError, match="exists already"):
        record("demo", [by_name(scenarios(), "demo")], tmp_path, seed=1, duration_s=1.0)


@pytest.mark.root
def test_an_actor_that_fails_ends_the_recording_with_its_reason(tmp_path: Path) -> None:
    scenario = Scenario("broken", "", (Cast(_BROKEN),), 60.0, lead_s=0.5)
    with pytest.raises(LabError, match="ZeroDivisionError"):
        record(scenario.name, [scenario], tmp_path, seed=1, duration_s=60.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.root
def test_an_actor_that_fails_is_told_although_others_do_not_let_themselves_be_stopped(tmp_path: Path) -> None:
    failing = Actor("failing", "none", _draw_nothing, _find_no_file, _wait, ports=(1,))
    stubborn = Actor("stubborn", "none", _draw_nothing, _stay, _wait, ports=(1,))
    scenario = Scenario("stuck", "", (Cast(failing), Cast(stubborn)), 600.0, lead_s=3.0)
    with pytest.raises(LabError, match="FileNotFoundError"):
        record(scenario.name, [scenario], tmp_path, seed=1, duration_s=600.0)


@pytest.mark.root
def test_a_server_program_that_ends_says_its_last_words() -> None:
    scenario = Scenario("mute", "", (Cast(replace(_BROKEN, serve=_no_server)),), 60.0, lead_s=0.0)
    with (
        pytest.raises(LabError, match="sh ended with exit code 3; it said: no such port"),
        running(scenario, 1) as lab,
    ):
        lab.wait(time.time() + 60.0)


@pytest.mark.root
def test_no_program_outlives_a_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = _short("first")
    if missing_programs(scenario):
        pytest.skip(f"needs the packages {', '.join(missing_programs(scenario))}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # so that its programs can be told from others
    with suppress(ZeroDivisionError), running(scenario, 2):
        _wait_until(lambda: len(_processes(str(tmp_path))) >= 10)
        raise ZeroDivisionError
    assert not _processes(str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.root
def test_a_recording_that_is_told_to_end_takes_its_network_down(tmp_path: Path) -> None:
    call = ["record", "demo", "-o", str(tmp_path / "out")]
    argv = [sys.executable, "-c", f"from flowml.cli.lab import lab; lab({call!r})"]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE)
    try:
        own = f"flowml-{process.pid}-"
        _wait_until(lambda: len(_namespaces(own)) > 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        assert not _namespaces(own)
    finally:
        process.kill()
        process.communicate()


def _namespaces(start: str) -> list[str]:
    return [path.name for path in Path("/run/netns").glob(f"{start}*")]


def _wait_until(happens: Callable[[], bool]) -> None:
    for _ in range(400):
        if happens():
            return
        time.sleep(0.05)
    pytest.fail("did not happen within 20 s")


def _processes(text: str) -> set[int]:
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True
    ).stdout
    return {int(line.split()[0]) for line in listing.splitlines() if text in line}
