"""Whole scenarios for a few seconds, compared with what tshark sees."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from contextlib import suppress
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
from flowml.lab.scenario import Cast, Scenario, by_name, missing_programs, plan
from flowml.lab.scenarios import scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from flowml.lab.site import Site


def _short(name: str) -> Scenario:
    """Return a scenario with one server of each actor, all clients within two seconds."""
    scenario = by_name(scenarios(), name)
    casts = tuple(replace(cast, n_servers=1) for cast in scenario.casts)
    return replace(scenario, casts=casts, lead_s=3.0, early_ratio=0.0, arrivals_s=2.0)


def _draw_nothing(rng: Generator) -> Parameters:
    return {}


async def _break(site: Site, rng: Generator) -> None:
    raise ZeroDivisionError


async def _no_server(site: Site, rng: Generator) -> None:
    await site.run_server("sh", "-c", "echo no such port >&2; exit 3")


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
@pytest.mark.parametrize("name", ["demo", "wide"])
def test_every_server_of_a_recording_is_seen_on_the_wire_and_stands_in_the_manifest(
    name: str, tmp_path: Path
) -> None:
    scenario = _short(name)
    if missing_programs(scenario):
        pytest.skip(f"needs the packages {', '.join(missing_programs(scenario))}")
    seconds = 40.0 if name == "wide" else 8.0  # browsers have to start, all at once
    record(scenario.name, [scenario], tmp_path, seed=5, duration_s=seconds)
    (capture,) = tomllib.loads((tmp_path / "manifest.toml").read_text())["captures"]
    packets = tmp_path / "packets.pcap"
    packets.write_bytes(zstandard.ZstdDecompressor().decompress((tmp_path / capture["file"]).read_bytes()))
    listed = {(server["ip"], server["port"]) for server in capture["servers"]}
    assert listed == {server for instance in plan(scenario, 5).instances for server in instance.servers}
    assert listed <= conversations(packets), "every server of the manifest spoke"


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
