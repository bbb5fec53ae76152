"""What `deploy/` holds, as far as it can be tried without installing it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # comes with MLflow

from flowml.cli.main import run
from flowml.config.keys import KEYS

DEPLOY = Path(__file__).parents[1] / "deploy"
_SETTING = re.compile(r"#?([a-z_]+) = ")
_SECTION = re.compile(r"#?\[([a-z._]+)\]")


def lines() -> list[str]:
    return (DEPLOY / "flowml.toml").read_text().splitlines()


def test_the_sample_configuration_names_every_key_and_explains_it() -> None:
    found: dict[str, set[str]] = {}
    section = ""
    for line in lines():
        if heading := _SECTION.match(line):
            section = heading[1]
            found[section] = set()
        elif setting := _SETTING.match(line):
            found[section].add(setting[1])
            assert " # " in line or "ca_file" in line, line
    assert found == {name: set(keys) for name, keys in KEYS.items()}


def test_the_sample_configuration_is_valid_as_it_stands() -> None:
    assert run(["config", "check", str(DEPLOY / "flowml.toml")]) == 0


def test_the_sample_configuration_is_valid_with_every_key_set(tmp_path: Path) -> None:
    every = tmp_path / "flowml.toml"
    taken = [line.removeprefix("#") if re.match(r"#[a-z\[]", line) else line for line in lines()]
    every.write_text("\n".join(taken))
    assert run(["config", "check", str(every)]) == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (package systemd)")
@pytest.mark.parametrize("unit", ["flowml.service", "flowml-dashboard.service"])
def test_a_service_is_hardened(unit: str) -> None:
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(DEPLOY / "systemd" / unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-300:] + told.stderr


def test_the_sensor_goes_before_everything_else_and_its_check_behind() -> None:
    usual = 100  # systemd.resource-control(5)
    assert weight("flowml.service") > usual > weight("flowml-selftest.service")


def weight(unit: str) -> int:
    """What a service weighs when processors are short."""
    (found,) = re.findall(r"^CPUWeight=(\d+)$", (DEPLOY / "systemd" / unit).read_text(), re.MULTILINE)
    return int(found)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (package systemd)")
def test_the_sensor_may_call_what_gives_capabilities_up_and_starts_capture_processes() -> None:
    allowed = set(members("@default"))
    for line in (DEPLOY / "systemd" / "flowml.service").read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter":
            named = {call for name in value.lstrip("~").split() for call in members(name)}
            allowed = allowed - named if value.startswith("~") else allowed | named
    needed = {"capget", "capset", "prctl", "pidfd_open", "pidfd_send_signal", "execve", "vfork", "wait4"}
    assert needed <= allowed


def members(name: str) -> list[str]:
    """The system calls of a set of systemd's, those of the sets in it included."""
    if not name.startswith("@"):
        return [name]
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
    )
    lines = [line.strip() for line in told.stdout.splitlines()[1:]]
    return [call for line in lines if line and not line.startswith("#") for call in members(line)]


def test_the_compose_file_adds_one_capability_to_the_sensor_alone() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert set(services) == {"sensor", "dashboard"}
    assert services["sensor"]["cap_add"] == ["NET_RAW"]
    assert "cap_add" not in services["dashboard"]
    assert services["dashboard"]["security_opt"] == ["no-new-privileges"]
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"]
