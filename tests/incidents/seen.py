"""Alerts of hosts for tests of incidents."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flowml.detections.alert import Alert, Evidence
from flowml.flows.key import FlowKey
from tests.verdicts import MINING, alert

START = MINING.start_ms


def seen(
    host: str = "10.0.0.2", server: str = "198.51.100.7", port: int = 3333, number: int = 1, **changes: Any
) -> Alert:
    """An alert of a host."""
    return alert("It pushes jobs.", key=FlowKey(host, 40_000 + number, server, port), **changes)


def pushed(told: Alert, *at_s: float, delay_s: float = 0.0) -> Alert:
    """The same with a strip: a login, then jobs at these times, as `told`'s host received them."""
    strip = ((0.0, 500), (0.03, -400), *((at + delay_s, -378) for at in at_s))
    return replace(told, evidence=Evidence(strip, START))


def with_rate(told: Alert, per_min: float) -> Alert:
    """The same with a share rate."""
    return replace(told, evidence=replace(told.evidence, share_rate_per_min=per_min))


def mined(told: Alert, sizes: Sequence[int] = (186, -64) * 20) -> Alert:
    """The same with a strip of shares and answers, ten seconds apart."""
    strip = tuple((number // 2 * 10 + number % 2 * 0.05, size) for number, size in enumerate(sizes))
    return replace(told, evidence=Evidence(strip, START))
