"""Carriers on the wire, compared with what tshark sees."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import zstandard

from flowml.errors import LabError
from flowml.lab.casting import actor_named, all_actors, all_carriers, fits
from flowml.lab.record import running
from flowml.lab.recorder import record_while
from flowml.lab.scenario import Cast, Scenario, missing_programs

if TYPE_CHECKING:
    from pathlib import Path

_ON_THE_WIRE = {
    "telemetry/socks5": ("tcp", "socks", "socks.command == 1"),
    "http-api/connect": ("tcp", "http", "http.request.method == CONNECT"),
    "monero/wss": ("tcp", "tls", "tcp.payload[0:2] == 16:03"),
    "browser-mining/ssh": ("tcp", "ssh", "ssh.protocol"),
    "monero/wireguard": ("udp", "wg", "wg.type == 4"),
    "mqtt/openvpn": ("tcp", "openvpn", "openvpn.opcode == 9"),
}
"""Transport, dissector and a packet that shows that the carrier is the one that the name says."""


def _frames(capture: Path, transport: str, port: int, dissector: str, condition: str) -> list[str]:
    decode = ["-d", f"{transport}.port=={port},{dissector}"]
    argv = [
        "tshark",
        "-n",
        "-r",
        str(capture),
        *decode,
        "-Y",
        condition,
        "-T",
        "fields",
        "-e",
        "frame.number",
    ]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.root
def test_the_wire_shows_the_carrier_that_the_manifest_names(tmp_path: Path) -> None:
    casts = tuple(Cast(actor_named(name)) for name in _ON_THE_WIRE)
    scenario = Scenario("carried", "", casts, 8.0, lead_s=5.0, early_ratio=0.0, arrivals_s=1.0)
    if missing_programs(scenario) or not shutil.which("tshark"):
        pytest.skip(f"needs tshark and the packages {', '.join(missing_programs(scenario))}")
    with running(scenario, seed=2) as lab:  # recorded from before the first client comes
        record_while(lambda: lab.wait(lab.stage.zero + 8.0), lab.tap_interface, tmp_path / "x.pcap.zst")
    packets = tmp_path / "x.pcap"
    packets.write_bytes(zstandard.ZstdDecompressor().decompress((tmp_path / "x.pcap.zst").read_bytes()))
    for server, (name, sign) in zip(lab.truth, _ON_THE_WIRE.items(), strict=True):
        assert server.carrier == name.partition("/")[2]
        transport, dissector, condition = sign
        there = f"ip.addr == {server.ip} && {condition}"
        assert _frames(packets, transport, server.port, dissector, there), name


@pytest.mark.parametrize("name", sorted(all_carriers()))
def test_a_carrier_takes_miners_and_benign_actors_alike(name: str) -> None:
    able = [actor for actor in all_actors().values() if fits(actor, all_carriers()[name])]
    assert sum(actor.is_mining for actor in able) >= 5
    assert sum(not actor.is_mining for actor in able) >= 5


@pytest.mark.parametrize(
    "name", ["web/socks5", "monero-tls/wss", "monero+multiplexing-weak/socks5", "http-api+delay-weak"]
)
def test_parts_that_do_not_go_together_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="these do not go together"):
        actor_named(name)


def test_a_name_says_actor_carrier_evasion_and_strength() -> None:
    actor = actor_named("monero-tls/ssh+multiplexing-middle")
    assert (actor.name, actor.family) == ("monero-tls+multiplexing-middle/ssh", "monero")
    assert (actor.carrier, actor.evasion, actor.strength) == ("ssh", "multiplexing", "middle")
    assert {program.name for program in actor.requires} == {"ssh", "sshd"}


@pytest.mark.parametrize("name", ["morono", "monero/pigeon", "monero+hope-weak"])
def test_an_unknown_part_of_a_name_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(LabError, match="there are:"):
        actor_named(name)
