"""The stage: one process in which all actors play, and the programs that they start."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flowml.errors import LabError
from flowml.lab.actor import come_again
from flowml.lab.certificates import make_certificate
from flowml.lab.processes import Worker, become_worker, worker
from flowml.lab.site import Site

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from multiprocessing.connection import Connection

    from flowml.lab.network import Host
    from flowml.lab.scenario import ClientPlan, Instance, Plan

_SERVERS_FIRST_S = 1.0


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
    except* (LabError, ArithmeticError, LookupError, OSError, TypeError, ValueError):
        sys.exit(1)  # the parent has heard the reason and raises it


async def _play(plan: Plan, sites: list[tuple[list[Site], list[Site]]], control: Connection) -> None:
    zero: float = control.recv()
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(control.fileno(), closed.set)
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[None]] = []

        def start(part: Coroutine[Any, Any, None]) -> None:
            task = group.create_task(part)
            task.add_done_callback(partial(_complain, control))
            tasks.append(task)

        for instance, (servers, _) in zip(plan.instances, sites, strict=True):
            for door, server in enumerate(servers):
                start(instance.actor.serve(server, np.random.default_rng([instance.seed, door])))
        await asyncio.sleep(_SERVERS_FIRST_S)
        for instance, (_, clients) in zip(plan.instances, sites, strict=True):
            for client, site in zip(instance.clients, clients, strict=True):
                start(_visit(instance, client, site, zero))
        await closed.wait()
        for task in tasks:
            task.cancel()


def _complain(control: Connection, task: asyncio.Task[None]) -> None:
    """Say at once why an actor ended: the others take minutes to be stopped, and nobody shall record that."""
    if not task.cancelled() and (reason := task.exception()) is not None:
        with suppress(OSError):  # the parent has heard enough
            control.send(repr(reason))


async def _visit(instance: Instance, client: ClientPlan, site: Site, zero: float) -> None:
    rng = np.random.default_rng(client.seed)
    await asyncio.sleep(max(0.0, zero + client.start_s - time.time()))
    await come_again(instance.actor.visit, site, rng)


def _sites(instance: Instance, hosts: Sequence[Host], folder: Path) -> tuple[list[Site], list[Site]]:
    """Sites of an instance: one for each door of its server, one for each client."""
    name = instance.origin.replace("/", "-")
    certificate = None
    if instance.actor.has_tls:
        drawn = instance.parameters
        certificate = make_certificate(folder, name, str(drawn["key"]), int(drawn["issuers"]))

    def site(number: int, door: int) -> Site:
        host, own = hosts[number], folder / name / str(door)
        own.mkdir(parents=True, exist_ok=True)
        return Site(
            host.namespace,
            host.address,
            instance.servers[door],
            instance.parameters,
            certificate,
            own,
            doors=instance.servers,
        )

    servers = [site(number, door) for door, number in enumerate(instance.hosts)]
    return servers, [site(client.host, 0) for client in instance.clients]
