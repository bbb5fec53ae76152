"""Mining of every family in front of a real sensor: on a private tap, or in simulated time."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowml.cli.judging import Judging
from flowml.errors import CaptureError
from flowml.lab.casting import all_actors
from flowml.lab.record import running
from flowml.lab.recorder import record_while
from flowml.lab.scenario import Cast, Scenario
from flowml.lab.simulation.stage import simulate_capture
from flowml.lab.truth import ServerTruth

if TYPE_CHECKING:
    from flowml.lab.actor import Actor

_LEAD_S = 8.0  # the sensor loads its model meanwhile
_ENDING_S = 30.0
_PATIENCE_S = 300.0
_SPEED = 30.0
"""Times real. Quicker, and a moment's halt of the machine is a silence in which connections end."""


@dataclass(frozen=True)
class Result:
    """What became of one family.

    Attributes
    ----------
    family : str
    connections : int
        That an alert was raised for.
    after_s : float or None
        Seconds from the first packet of the quickest of them to the alert; None: not seen.
    probability : float
        The highest that any of its connections was given.
    """

    family: str
    connections: int
    after_s: float | None
    probability: float

    @property
    def seen(self) -> bool:
        """Whether an alert was raised."""
        return self.after_s is not None

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "seen": self.seen}

    def __str__(self) -> str:
        sure = f"probability {self.probability:.3f}"
        if self.after_s is None:
            return f"{self.family:24} NOT SEEN, {sure} at most"
        return f"{self.family:24} seen after {self.after_s:3.0f} s, {sure}"


def check_families(names: Sequence[str]) -> None:
    """Raise `UsageError` for a name that no family has."""
    known = sorted({cast.actor.family for cast in families().casts})
    for name in names:
        if name not in known:
            raise click.UsageError(f"no family {name!r}; known are {', '.join(known)}")


def families() -> Scenario:
    """One pool with miners of each family, in the plain, of what needs no program that may be missing."""
    chosen: dict[str, Actor] = {}
    for actor in all_actors().values():
        if actor.is_mining and actor.carrier == "plain" and actor.evasion == "none" and not actor.requires:
            chosen.setdefault(actor.family, actor)
    return Scenario(
        "selftest",
        "one pool of each family",
        tuple(Cast(actor) for actor in chosen.values()),
        duration_s=120.0,
        lead_s=_LEAD_S,
        early_ratio=0.0,
        arrivals_s=2.0,
    )


def mine(folder: Path, judging: Judging, *, duration_s: float, seed: int, in_process: bool) -> list[Result]:
    """Let every family mine for a while before a sensor.

    Parameters
    ----------
    folder : Path
        For packets and alerts; empty.
    judging : Judging
    duration_s : float
    seed : int
        Of the lab.
    in_process : bool
        Without a network: pools and miners speak within this process, in simulated time, and the sensor reads
        what a tap would have seen of them.

    Raises
    ------
    LabError
        No root, or no namespaces.
    CaptureError
        The sensor failed.
    """
    capture, eve = folder / "tap.pcap.zst", folder / "eve.json"
    options = ["--eve", str(eve), *judging.options(folder)]
    if in_process:
        truth = simulate_capture(families(), capture, seed, duration_s, until_s=time.time())
        _ended(_sensor("--replay", str(capture), "--speed", str(_SPEED), *options), _PATIENCE_S)
    else:
        truth = _on_a_tap(capture, options, duration_s, seed)
    return list(_results(truth, eve, _probabilities(capture, judging.model)))


def _on_a_tap(capture: Path, options: Sequence[str], duration_s: float, seed: int) -> tuple[ServerTruth, ...]:
    with running(families(), seed) as lab:
        sensor = _sensor("-i", lab.tap_interface, *options)
        try:
            record_while(lambda: lab.wait(lab.stage.zero + duration_s), lab.tap_interface, capture)
        finally:
            sensor.terminate()
            _ended(sensor, _ENDING_S)
    return lab.truth


def _sensor(*options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-P", "-c", "from flowml.cli.main import main; main()", "live", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _ended(sensor: "subprocess.Popen[str]", within_s: float) -> None:
    said = sensor.communicate(timeout=within_s)[1]
    if sensor.returncode:
        raise CaptureError(f"selftest: the sensor ended with {sensor.returncode}: {said.strip()[-500:]}")


def _probabilities(capture: Path, model: str | None) -> dict[tuple[str, int], float]:
    """The highest probability of the connections of each server."""
    from flowml.capture.files import CaptureFile
    from flowml.capture.settings import MeterSettings
    from flowml.detections.explanation import explain
    from flowml.detections.policy import Policy
    from flowml.flows.connections import ConnectionSettings, ConnectionTable
    from flowml.registry.store import resolve
    from flowml.service.scoring import Metered, conclude

    judge, highest = resolve(model).bundle.judge, dict[tuple[str, int], float]()
    steps = CaptureFile(capture, MeterSettings(), allow_partial=False).steps()
    source = (Metered(step.batch, step.clock_ms, step.is_moment) for step in steps)
    table, policy = ConnectionTable(ConnectionSettings()), Policy(str(capture), explain)
    for conclusions in conclude(source, table, judge, policy):
        for verdict in conclusions.ended:
            server = verdict.key.server_ip, verdict.key.server_port
            highest[server] = max(highest.get(server, 0.0), verdict.probability)
    return highest


def _results(
    truth: Sequence[ServerTruth], eve: Path, probabilities: Mapping[tuple[str, int], float]
) -> Iterator[Result]:
    lines = eve.read_text().splitlines() if eve.exists() else []
    alerts = [record for record in map(json.loads, lines) if record["event_type"] == "alert"]
    for server in truth:
        found = [
            record["flowml"]["detected_after_s"]
            for record in alerts
            if record["dest_ip"] == server.ip and record["dest_port"] == server.port
        ]
        probability = probabilities.get((server.ip, server.port), 0.0)
        yield Result(server.family, len(found), min(found, default=None), probability)
