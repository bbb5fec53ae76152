"""Which changes of a sensor's health are worth telling: decided here, for all destinations."""

from collections.abc import Iterable

from flowml.detections.event import SENSOR, EventKind, SensorEvent
from flowml.service.health import GRAVITY, OK, Finding

CALM_S = 60.0
"""A check has to be better for so long before that is told: losses that come and go are one event."""


class Changes:
    """Remembers what was told of each check. What gets worse is told at once."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._better_since_s: dict[str, float] = {}

    def of(self, findings: Iterable[Finding], now_s: float, now_ms: int) -> list[SensorEvent]:
        """Give what is to be told.

        Parameters
        ----------
        findings : iterable of Finding
            How it stands with everything.
        now_s : float
            By a clock that nobody sets, seconds.
        now_ms : int
            Epoch, ms.
        """
        return [
            _event(finding, before, now_ms)
            for finding in findings
            if (before := self._change(finding, now_s)) != finding.status
        ]

    def _change(self, finding: Finding, now_s: float) -> str:
        """Note how a check stands now; give what it is to be told to have been, its status if nothing is."""
        told = self._told.get(finding.name, OK)
        if GRAVITY[finding.status] >= GRAVITY[told]:
            self._better_since_s.pop(finding.name, None)
        elif now_s - self._better_since_s.setdefault(finding.name, now_s) < CALM_S:
            return finding.status
        else:
            del self._better_since_s[finding.name]
        self._told[finding.name] = finding.status
        return told


def _event(finding: Finding, before: str, now_ms: int) -> SensorEvent:
    return SensorEvent(
        now_ms,
        EventKind.HEALTH,
        finding.source or SENSOR,
        f"{finding.name}: {finding.status}: {finding.words}",
        connections=0,
        check=finding.name,
        status=finding.status,
        before=before,
    )
