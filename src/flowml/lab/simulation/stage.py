"""Playing a scenario in simulated time."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowml.errors import LabError
from flowml.lab.actor import come_again
from flowml.lab.certificates import make_certificate
from flowml.lab.network import address_of
from flowml.lab.scenario import is_simulable, plan
from flowml.lab.simulation.clock import SimulatedLoop
from flowml.lab.simulation.network import SimulatedNetwork
from flowml.lab.simulation.site import SimulatedSite
from flowml.lab.truth import CaptureTruth, ServerTruth, manifest, truth_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowml.lab.certificates import CertificateFiles
    from flowml.lab.scenario import ClientPlan, Instance, Plan, Scenario
    from flowml.lab.simulation.tap import Tap

_BEAT_S = 10.0


def simulate(
    scenario: Scenario,
    folder: Path,
    seed: int,
    duration_s: float,
    progress: Callable[[float], None] = lambda _: None,
) -> CaptureTruth:
    """Play a scenario in simulated time and write its capture, and ``manifest.toml`` beside it.

    Parameters
    ----------
    scenario
        Of actors that run no programs and send no datagrams.
    folder
        Where to; must not hold the capture yet.
    seed
        Of everything drawn.
    duration_s
        Simulated seconds.
    progress
        Told the simulated seconds that have passed, every ten.

    Raises
    ------
    LabError
        The capture exists or cannot be written, or an actor cannot be simulated.
    """
    path = folder / f"{scenario.name}.pcap.zst"
    if path.exists():
        raise LabError(f"{path}: exists already; choose another folder or remove it")
    drawn = _planned(scenario, seed)
    with _writing(path):
        folder.mkdir(parents=True, exist_ok=True)
    tap = _played(drawn, seed, duration_s, progress)
    with _writing(path):
        n_packets = tap.write(path, drawn.lead_s, drawn.lead_s + duration_s)
        capture = CaptureTruth(path, n_packets, duration_s, _truth(drawn))
        made_with = f"flowml lab simulate {scenario.name} --seed {seed} --duration {duration_s:g}"
        (folder / "manifest.toml").write_text(manifest(scenario.name, made_with, [capture]))
    return capture


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LabError(f"{path}: cannot be written: {error.strerror}; choose another folder") from error


def simulate_capture(
    scenario: Scenario, path: Path, seed: int, duration_s: float, until_s: float
) -> tuple[ServerTruth, ...]:
    """Play a scenario in simulated time and write its capture alone.

    Parameters
    ----------
    scenario, seed, duration_s
        As of `simulate`.
    path
        Of the capture, .pcap.zst.
    until_s
        Unix time at which it is to end.

    Returns
    -------
    tuple of ServerTruth

    Raises
    ------
    LabError
        An actor cannot be simulated.
    """
    drawn = _planned(scenario, seed)
    tap = _played(drawn, seed, duration_s, lambda _: None)
    end_s = drawn.lead_s + duration_s
    tap.write(path, drawn.lead_s, end_s, zero_s=until_s - end_s)
    return _truth(drawn)


def _played(drawn: Plan, seed: int, duration_s: float, progress: Callable[[float], None]) -> Tap:
    links = {address_of(number): link for number, link in enumerate(drawn.links)}
    network = SimulatedNetwork(links, np.random.default_rng([seed, 1]))
    with (
        tempfile.TemporaryDirectory(prefix="flowml-lab-") as own,
        asyncio.Runner(loop_factory=SimulatedLoop) as runner,
    ):
        runner.run(_play(drawn, network, Path(own), duration_s, progress))
    return network.tap


def _truth(drawn: Plan) -> tuple[ServerTruth, ...]:
    return tuple(server for instance in drawn.instances for server in truth_of(instance))


def _planned(scenario: Scenario, seed: int) -> Plan:
    drawn = plan(scenario, seed)
    for instance in drawn.instances:
        if not is_simulable(instance.actor):
            raise LabError(
                f"lab: {instance.actor.name} runs programs or sends datagrams, which no simulation does; "
                "record it"
            )
    return drawn


async def _play(
    drawn: Plan, network: SimulatedNetwork, folder: Path, duration_s: float, progress: Callable[[float], None]
) -> None:
    """Let the actors play for the lead and the duration; they are cancelled at the end."""
    end_s = drawn.lead_s + duration_s
    parts = [_part(instance, network, folder, drawn.lead_s) for instance in drawn.instances]
    try:
        async with asyncio.timeout(end_s), asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
            while True:
                await asyncio.sleep(_BEAT_S)
                progress(asyncio.get_running_loop().time())
    except TimeoutError:
        pass  # the end, as planned
    except ExceptionGroup as errors:
        if isinstance(first := _first(errors), LabError):
            raise first from errors
        raise


async def _part(instance: Instance, network: SimulatedNetwork, folder: Path, lead_s: float) -> None:
    """Play one server and its clients."""
    certificate = _certificate(instance, folder)

    def site(number: int, door: int) -> SimulatedSite:
        address, own = address_of(number), folder / instance.origin.replace("/", "-") / str(door)
        return SimulatedSite(
            "",
            address,
            instance.servers[door],
            instance.parameters,
            certificate,
            own,
            doors=instance.servers,
            network=network,
        )

    try:
        async with asyncio.TaskGroup() as group:
            for door, number in enumerate(instance.hosts):
                rng = np.random.default_rng([instance.seed, door])
                group.create_task(instance.actor.serve(site(number, door), rng))
            for client in instance.clients:
                group.create_task(_visit(instance, client, site(client.host, 0), lead_s))
    except* (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as errors:
        raise LabError(f"lab: {instance.origin} failed: {_first(errors)!r}") from errors


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _visit(instance: Instance, client: ClientPlan, site: SimulatedSite, lead_s: float) -> None:
    await asyncio.sleep(max(0.1, lead_s + client.start_s))
    await come_again(instance.actor.visit, site, np.random.default_rng(client.seed))


def _certificate(instance: Instance, folder: Path) -> CertificateFiles | None:
    if not instance.actor.has_tls:
        return None
    drawn = instance.parameters
    return make_certificate(
        folder, instance.origin.replace("/", "-"), str(drawn["key"]), int(drawn["issuers"])
    )
