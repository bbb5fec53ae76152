"""The stage: one process in which all actors play, and the programs that they start."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowml.errors import LabError
from flowml.lab.certificates import make_certificate
from flowml.lab.peer import GONE
from flowml.lab.processes import Worker, become_worker, worker
from flowml.lab.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from flowml.lab.network import Host
    from flowml.lab.scenario import ClientPlan, Instance, Plan

_SERVERS_FIRST_S = 1.0
_RETURN_S = 6.0  # mean pause before a client whose connection broke comes again


@dataclass(frozen=True, slots=True)
class Stage:
    """The running actors."""

    actors: Worker
    zero: float
    """Unix time at which the plan's second 0 is."""


@contextmanager
def playing(plan: Plan, hosts: Sequence[Host]) -> Iterator[Stage]:
    """Start all actors; they and their programs are gone when the context ends."""
    with (
        tempfile.TemporaryDirectory(prefix="flowml-lab-") as folder,
        worker("stage", play, plan, tuple(hosts), Path(folder)) as actors,
    ):
        actors.hear()
        stage = Stage(actors, time.time() + plan.lead_s)
        actors.tell(stage.zero)
        yield stage


def play(plan: Plan, hosts: tuple[Host, ...], folder: Path, control: Connection, parent_pid: int) -> None:
    """Let the actors play until the control pipe is closed; the main function of the stage's process."""
    become_worker(parent_pid)
    sites = [_sites(instance, hosts, folder) for instance in plan.instances]
    control.send(True)
    try:
        asyncio.run(_play(plan, sites, control))
    except* (LabError, ArithmeticError, LookupError, TypeError, ValueError) as failures:
        control.send(repr(failures.exceptions))


async def _play(plan: Plan, sites: list[tuple[Site, list[Site]]], control: Connection) -> None:
    zero: float = control.recv()
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(control.fileno(), closed.set)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(instance.actor.serve(server, np.random.default_rng(instance.seed)))
            for instance, (server, _) in zip(plan.instances, sites, strict=True)
        ]
        await asyncio.sleep(_SERVERS_FIRST_S)
        for instance, (_, clients) in zip(plan.instances, sites, strict=True):
            for client, site in zip(instance.clients, clients, strict=True):
                tasks.append(group.create_task(_visit(instance, client, site, zero)))
        await closed.wait()
        for task in tasks:
            task.cancel()


async def _visit(instance: Instance, client: ClientPlan, site: Site, zero: float) -> None:
    rng = np.random.default_rng(client.seed)
    await asyncio.sleep(max(0.0, zero + client.start_s - time.time()))
    while True:
        try:
            await instance.actor.visit(site, rng)
        except* GONE:
            pass  # refused, reset or closed: clients come back
        await asyncio.sleep(rng.exponential(_RETURN_S) + 0.5)


def _sites(instance: Instance, hosts: Sequence[Host], folder: Path) -> tuple[Site, list[Site]]:
    name = instance.origin.replace("/", "-")
    certificate = None
    if instance.actor.carrier != "plain":
        drawn = instance.parameters
        certificate = make_certificate(folder, name, str(drawn["key"]), int(drawn["issuers"]))

    own = folder / name
    own.mkdir()

    def site(number: int) -> Site:
        host = hosts[number]
        return Site(host.namespace, host.address, instance.server, instance.parameters, certificate, own)

    return site(instance.host), [site(client.host) for client in instance.clients]
