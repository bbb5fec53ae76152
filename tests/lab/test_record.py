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

from flowml.errors import LabError
from flowml.lab.actor import Actor, Parameters
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


def _conversations(capture: Path) -> set[tuple[str, int]]:
    """Ends of TCP connections on which payload flowed, as tshark sees them."""
    fields = ["-e", "ip.src", "-e", "tcp.srcport", "-e", "ip.dst", "-e", "tcp.dstport"]
    argv = ["tshark", "-n", "-r", str(capture), "-Y", "tcp.len > 0", "-T", "fields", *fields]
    listing = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    ends: set[tuple[str, int]] = set()
    for line in listing.splitlines():
        source, source_port, destination, destination_port = line.split("\t")
        ends |= {(source, int(source_port)), (destination, int(destination_port))}
    return ends


@pytest.mark.root
@pytest.mark.parametrize("name", ["demo", "wide"])
def test_every_server_of_a_recording_is_seen_on_the_wire_and_stands_in_the_manifest(
    name: str, tmp_path: Path
) -> None:
    scenario = _short(name)
    if missing_programs(scenario):
        pytest.skip(f"needs the packages {', '.join(missing_programs(scenario))}")
    record(scenario, tmp_path, seed=5, duration_s=8.0)
    (capture,) = tomllib.loads((tmp_path / "manifest.toml").read_text())["captures"]
    packets = tmp_path / "packets.pcap"
    packets.write_bytes(zstandard.ZstdDecompressor().decompress((tmp_path / capture["file"]).read_bytes()))
    listed = {(server["ip"], server["port"]) for server in capture["servers"]}
    assert listed == {instance.server for instance in plan(scenario, 5).instances}
    assert listed <= _conversations(packets), "every server of the manifest spoke"


@pytest.mark.root
def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "demo.pcap.zst").write_bytes(b"")
    with pytest.raises(LabError, match="exists already"):
        record(by_name(scenarios(), "demo"), tmp_path, seed=1, duration_s=1.0)


@pytest.mark.root
def test_an_actor_that_fails_ends_the_recording_with_its_reason(tmp_path: Path) -> None:
    scenario = Scenario("broken", "", (Cast(_BROKEN),), 60.0, lead_s=0.5)
    with pytest.raises(LabError, match="ZeroDivisionError"):
        record(scenario, tmp_path, seed=1, duration_s=60.0)
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
