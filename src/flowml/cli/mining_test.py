"""Mining of every family on a private tap in front of a real sensor."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowml.errors import CaptureError
from flowml.lab.casting import all_actors
from flowml.lab.record import running
from flowml.lab.scenario import Cast, Scenario
from flowml.lab.truth import ServerTruth

if TYPE_CHECKING:
    from flowml.lab.actor import Actor

_LEAD_S = 8.0  # the sensor loads its model meanwhile
_ENDING_S = 30.0


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
    """

    family: str
    connections: int
    after_s: float | None

    @property
    def seen(self) -> bool:
        """Whether an alert was raised."""
        return self.after_s is not None

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "seen": self.seen}

    def __str__(self) -> str:
        if self.after_s is None:
            return f"{self.family:24} NOT SEEN"
        return f"{self.family:24} seen after {self.after_s:3.0f} s"


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


def mine(
    folder: Path, *, duration_s: float, seed: int, model: str | None = None, config: Path | None = None
) -> list[Result]:
    """Let every family mine for a while before a sensor.

    Parameters
    ----------
    folder : Path
        For the sensor's alerts; empty.
    duration_s : float
    seed : int
        Of the lab.
    model : str, optional
        Judges; else that of the sensor of `config`, else the one that came with flowml.
    config : Path, optional
        Of the sensor.

    Raises
    ------
    LabError
        No root, or no namespaces.
    CaptureError
        The sensor failed.
    """
    eve = folder / "eve.json"
    with running(families(), seed) as lab:
        sensor = _sensor(lab.tap_interface, eve, model or _model_of(config))
        try:
            lab.wait(lab.stage.zero + duration_s)
        finally:
            sensor.terminate()
            said = sensor.communicate(timeout=_ENDING_S)[1]
    if sensor.returncode:
        raise CaptureError(f"selftest: the sensor ended with {sensor.returncode}: {said.strip()[-500:]}")
    return list(_results(lab.truth, eve))


def _sensor(tap: str, eve: Path, model: str | None) -> "subprocess.Popen[str]":
    command = [sys.executable, "-P", "-c", "from flowml.cli.main import main; main()"]
    command += ["live", "-i", tap, "--eve", str(eve), *(["--model", model] if model else [])]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _model_of(config: Path | None) -> str | None:
    """The model that the sensor of a configuration uses."""
    if config is None:
        return None
    from flowml.config.reader import read_settings
    from flowml.models.pointer import CHAMPION, pointer_path, read_pointer

    settings = read_settings(config)
    if settings.models.folder is not None:
        pointer = read_pointer(pointer_path(settings.models.folder, CHAMPION))
        if pointer is not None:
            return str(pointer.folder)
    return settings.live.model


def _results(truth: Sequence[ServerTruth], eve: Path) -> Iterator[Result]:
    lines = eve.read_text().splitlines() if eve.exists() else []
    alerts = [record for record in map(json.loads, lines) if record["event_type"] == "alert"]
    for server in truth:
        found = [
            record["flowml"]["detected_after_s"]
            for record in alerts
            if record["dest_ip"] == server.ip and record["dest_port"] == server.port
        ]
        yield Result(server.family, len(found), min(found, default=None))
