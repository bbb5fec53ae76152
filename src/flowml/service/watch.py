"""What a sensor knows of itself, looked at and stored by a thread of its own.

A database that is locked, or a bundle that takes seconds to load, holds up this thread and no packet.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from flowml.detections.event import SensorEvent
from flowml.detections.policy import Conclusions
from flowml.detections.verdict import VerdictBatch
from flowml.errors import SinkError
from flowml.flows.observations import Observations
from flowml.service import figures, health
from flowml.service.changes import Changes
from flowml.service.chronicle import Chronicle
from flowml.service.health import Finding
from flowml.service.ledger import Ledger
from flowml.service.model_watch import ModelWatch
from flowml.service.presence import Presence
from flowml.service.scoring import Judge
from flowml.service.told import Told
from flowml.sinks.prometheus import Metric

BEAT_S = 10.0
_PARTING_S = 1.0
_REMEMBERED_S = 3600.0  # a clock that jumped is told for so long

Findings = Callable[[int], Iterable[Finding]]
"""Says how others stand at a time (epoch, ms): destinations."""


class Watch:
    """Watches over the models, what the sources show, the clock, the destinations and the database.

    A context manager: its thread runs inside. What the loop calls (`hear`, `judge_of`, `concluded`) takes no
    time; a change for the worse or the better is reported when it is found.

    Parameters
    ----------
    models : ModelWatch
    others : callable
    chronicle : Chronicle or None
        Where it is kept; None: it is only told.
    report : callable
        Given each change of health, by the thread.
    beat_s : float
        From one look to the next, seconds.
    presence : Presence or None
        Given a sign of life at every look.
    """

    def __init__(
        self,
        models: ModelWatch,
        others: Findings,
        chronicle: Chronicle | None,
        report: Callable[[SensorEvent], object],
        beat_s: float = BEAT_S,
        presence: Presence | None = None,
    ) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.drift: Mapping[str, float] = {}
        self._models = models
        self._others = others
        self._chronicle = chronicle
        self._report = report
        self._changes = Changes()
        self._beat_s = beat_s
        self._presence = presence
        self._ledger = Ledger()
        self._offset_s = time.time() - time.monotonic()
        self._stepped_at, self._step_s = float("-inf"), 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._models.look()  # a sensor that starts with another model than it was told would say so too late
        if self._chronicle is not None:
            self._chronicle.models(self._models, int(time.time() * 1000))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join(_PARTING_S)
        if self._thread.is_alive():  # a bundle or the disk takes its time; a sensor that has to end does not
            return
        self.look()
        if self._chronicle is not None:
            self._chronicle.close()

    # --- for the loop -------------------------------------------------------------------------------------

    def hear(self, told: Told) -> None:
        """Count what a source told."""
        self._ledger.hear(told)

    def judge_of(self, source: str) -> Judge:
        """The judge of a source: the champion as it is at each moment, its verdicts counted."""

        def judge(observations: Observations) -> VerdictBatch:
            verdicts = self._models.judge(observations)
            self._ledger.judged(source, verdicts, self._models.champion.thresholds.novelty)
            return verdicts

        return judge

    def resembles(self, observations: Observations) -> list[str]:
        """Name the mining family that each observation is most like, as the champion sees it."""
        return self._models.champion.resembles(observations)

    def concluded(self, source: str, conclusions: Conclusions) -> None:
        """Count what came of the verdicts."""
        self._ledger.concluded(source, conclusions)

    # --- for whoever asks ---------------------------------------------------------------------------------

    def metrics(self) -> list[Metric]:
        """Health and drift as they were found last, and what the meters counted."""
        return [
            *figures.of_health(self.findings, self.drift),
            *figures.of_sources(self._ledger.totals()),
        ]

    # --- its thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ending.wait(self._beat_s):
            self.look()

    def look(self) -> None:
        """Look at everything once."""
        now_ms = int(time.time() * 1000)
        changed = self._models.look()
        collected = self._ledger.collect()
        measured = self._models.sample.hourly(now_ms)
        self.drift = {} if changed else measured or self.drift
        trouble = ""
        if self._chronicle is not None:
            self._chronicle.drift(measured, now_ms)
            if changed:
                self._chronicle.models(self._models, now_ms)
            trouble = self._chronicle.beat(collected, self._models, now_ms)
        findings = [finding for sight, _ in collected for finding in health.of_source(sight)]
        findings += [
            health.of_clock(self._clock_step_s()),
            health.of_model(self._models.trouble, self._models.champion.reference),
            health.of_drift(self.drift, has_reference=self._models.champion.population is not None),
            *self._others(now_ms),
        ]
        if self._chronicle is not None:
            findings.append(health.of_database(trouble, self._chronicle.room))
        if not self._ending.is_set():  # else the destinations have been told all by now
            for event in self._changes.of(findings, time.monotonic(), now_ms):
                with suppress(BrokenPipeError):  # of standard output: that ends the loop, not this thread
                    self._report(event)
        self.findings = tuple(findings)
        self._give_sign()
        if self._chronicle is not None:
            self._chronicle.health(findings, now_ms)

    def _give_sign(self) -> None:
        if self._presence is not None:
            with suppress(SinkError):  # a full disk is told by the destinations and the database
                self._presence.sign()

    def _clock_step_s(self) -> float:
        """By how much the clock jumped lately, held against one that cannot be set."""
        offset_s = time.time() - time.monotonic()
        step_s, self._offset_s = offset_s - self._offset_s, offset_s
        if abs(step_s) >= health.CLOCK_STEP_S:
            self._stepped_at, self._step_s = time.monotonic(), step_s
        return self._step_s if time.monotonic() - self._stepped_at < _REMEMBERED_S else 0.0
