"""Running a scenario on a tap, with or without recording it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowml.errors import LabError
from flowml.lab.namespaces import require_root
from flowml.lab.network import network
from flowml.lab.processes import require_files
from flowml.lab.recorder import RecorderSettings, record_while
from flowml.lab.scenario import Scenario, plan, require_programs
from flowml.lab.stage import Stage, playing
from flowml.lab.truth import CaptureTruth, ServerTruth, manifest, truth_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_CHECK_S = 1.0


@dataclass(frozen=True, slots=True)
class Lab:
    """A running scenario: where to listen, what is true, and whether all is well."""

    tap_interface: str
    truth: tuple[ServerTruth, ...]
    stage: Stage

    def wait(self, until: float) -> None:
        """Sleep until a Unix time; LabError as soon as an actor fails."""
        while (left_s := until - time.time()) > 0:
            time.sleep(min(left_s, _CHECK_S))
            self.stage.actors.check()
        self.stage.actors.check()


@contextmanager
def running(scenario: Scenario, seed: int) -> Iterator[Lab]:
    """Run a scenario until the context ends; a live sensor may listen on ``tap_interface``.

    Raises
    ------
    LabError
        If a program is missing or the network cannot be made; nothing is left behind.
    """
    require_programs(scenario)
    drawn = plan(scenario, seed)
    require_files(sum(len(instance.clients) for instance in drawn.instances))
    truth = tuple(server for instance in drawn.instances for server in truth_of(instance))
    with network(drawn.links, seed) as net, playing(drawn, net.hosts) as stage:
        yield Lab(net.tap_interface, truth, stage)


def record(
    name: str, parts: Sequence[Scenario], folder: Path, seed: int, duration_s: float
) -> list[CaptureTruth]:
    """Record scenarios one after the other into ``folder``: captures, and ``manifest.toml`` beside them.

    The manifest is written after each part, so that what follows a failure is lost and nothing else.

    Parameters
    ----------
    name
        Of the data set.
    parts
        What to record, mostly one scenario.
    folder
        Where to.
    seed
        Of everything drawn, in all parts.
    duration_s
        Seconds of each part.

    Raises
    ------
    LabError
        If the folder holds a recording already, an actor fails or packets are lost.
    """
    require_root()
    for scenario in parts:
        require_programs(scenario)
    paths = [folder / f"{scenario.name}.pcap.zst" for scenario in parts]
    for path in paths:
        if path.exists():
            raise LabError(f"{path}: exists already; choose another folder or remove it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"{folder}: cannot be made: {error.strerror}; choose another folder") from error
    made_with = f"flowml lab record {name} --seed {seed} --duration {duration_s:g}"
    captures: list[CaptureTruth] = []
    for scenario, path in zip(parts, paths, strict=True):
        captures.append(_record_one(scenario, path, seed, duration_s))
        (folder / "manifest.toml").write_text(manifest(name, made_with, captures))
    return captures


def _record_one(scenario: Scenario, path: Path, seed: int, duration_s: float) -> CaptureTruth:
    with running(scenario, seed) as lab:
        end, settings = lab.stage.zero + duration_s, RecorderSettings(not_before_s=lab.stage.zero)
        n_packets = record_while(lambda: lab.wait(end), lab.tap_interface, path, settings)
    return CaptureTruth(path, n_packets, duration_s, lab.truth)
