import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from flowml.capture.files import CaptureFile
from flowml.capture.settings import MeterSettings
from flowml.errors import LabError
from flowml.lab.casting import actor_named
from flowml.lab.counted_time import run_counted
from flowml.lab.rehearsal import rehearse
from flowml.lab.scenario import Cast, Scenario
from flowml.schema import DST_IP, DST_PORT


def scenario(name: str) -> Scenario:
    actor = replace(actor_named(name), clients=(2, 2))
    return Scenario("test", "one pool", (Cast(actor),), 60.0, lead_s=2.0, early_ratio=0.0, arrivals_s=1.0)


def test_hours_are_counted_and_not_waited_for() -> None:
    told = []

    async def wait() -> None:
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for hours in (3, 1, 2):
                group.create_task(note(hours))
        told.append(asyncio.get_running_loop().time() - began)

    async def note(hours: int) -> None:
        await asyncio.sleep(3600 * hours)
        told.append(hours)

    run_counted(wait)
    assert told == [1, 2, 3, pytest.approx(3 * 3600)]


def test_a_rehearsal_is_a_capture_that_is_metered_to_the_last_packet(tmp_path: Path) -> None:
    path = tmp_path / "tap.pcap"
    (server,) = rehearse(scenario("monero"), 1, 300.0, path)
    capture = CaptureFile(path, MeterSettings(), allow_partial=False)
    batches = [step.batch for step in capture.steps()]
    assert sum(capture.report.ignored.values()) == 0
    assert {address.decode() for batch in batches for address in batch[DST_IP]} == {server.ip}
    assert {int(port) for batch in batches for port in batch[DST_PORT]} == {server.port}
    assert (server.is_mining, server.family) == (True, "monero")


def test_an_actor_that_needs_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="needs a network"):
        rehearse(scenario("monero-tls"), 1, 10.0, tmp_path / "tap.pcap")
