"""What a sensor sees of itself, into the database: beats, health, models, drift, comparisons.

What cannot be stored waits for the next beat, up to a bound: a database that is locked for minutes costs
nothing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from flowml.detections.scores import N_BINS
from flowml.evaluation.drift import stability_index
from flowml.incidents import scores, telemetry
from flowml.incidents.database import StoreError
from flowml.incidents.retention import Room, forget
from flowml.incidents.scores import HOUR_MS, Agreement
from flowml.incidents.settings import USUAL, IncidentSettings
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import Beat, Disagreement, Drift, HealthState, ModelInUse
from flowml.models.bundle import ModelBundle
from flowml.models.pointer import CHALLENGER, CHAMPION
from flowml.service.health import Finding, Sight
from flowml.service.ledger import Work
from flowml.service.model_watch import ModelWatch

_BUSY_S = 2.0  # dashboard and incidents write for milliseconds
_WAITING = 4000  # writes that wait: some hours of beats
_FEWEST_JUDGED = 100  # of fewer, no share is told
NOVEL = "share of novel observations"
_WEEK_MS, _DAY_MS = 7 * 24 * HOUR_MS, 24 * HOUR_MS


class Chronicle:
    """Writes for one thread.

    Parameters
    ----------
    folder : Path
        State folder. The database is opened at the first beat, and again after trouble.
    settings : IncidentSettings
        How long incidents are kept.

    Attributes
    ----------
    room : Room or None
        What the database takes; None: not known yet.
    """

    def __init__(self, folder: Path, settings: IncidentSettings = USUAL) -> None:
        self.room: Room | None = None
        self._folder = folder
        self._settings = settings
        self._store: IncidentStore | None = None
        self._waiting: deque[Callable[[IncidentStore], None]] = deque(maxlen=_WAITING)
        self._since: dict[str, tuple[str, int]] = {}
        self._hour = 0
        self._novel = self._judged = 0

    def close(self) -> None:
        """Close the database."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def beat(self, collected: Sequence[tuple[Sight, Work]], models: ModelWatch, now_ms: int) -> str:
        """Store what came since the last beat; give why that is not possible, empty if it is."""
        for sight, work in collected:
            self._waiting.append(partial(telemetry.record_beat, beat=_beat(sight, work, now_ms)))
        total = sum((work.scores for _, work in collected), np.zeros(N_BINS, np.int64))
        digest = models.champion.digest
        self._waiting.append(partial(scores.add_scores, model=digest, counts=total.tolist(), now_ms=now_ms))
        self._compare(models, now_ms)
        if now_ms // HOUR_MS != self._hour:
            self._hour = now_ms // HOUR_MS
            self._waiting.append(partial(_measure_drift, model=digest, now_ms=now_ms))
            self._tell_novelty(now_ms)
        self._judged += sum(work.scored for _, work in collected)
        self._novel += sum(work.novel for _, work in collected)
        return self._write(now_ms)

    def drift(self, measured: Mapping[str, float], now_ms: int) -> None:
        """Store the figures of an hour at the next beat."""
        if measured:
            figures = [Drift(now_ms, name, value) for name, value in measured.items()]
            self._waiting.append(partial(telemetry.record_drift, measured=figures))

    def health(self, findings: Iterable[Finding], now_ms: int) -> None:
        """Store how it stands with everything; what fails is told by the next beat."""
        states = []
        for finding in findings:
            status, since_ms = self._since.get(finding.name, ("", now_ms))
            if status != finding.status:
                since_ms = now_ms
            self._since[finding.name] = finding.status, since_ms
            states.append(HealthState(finding.name, finding.status, finding.said, since_ms, now_ms))
        try:
            telemetry.record_health(self._opened(), states)
        except StoreError:
            self.close()

    def models(self, models: ModelWatch, now_ms: int) -> None:
        """Store which models are at work."""
        for role, bundle in ((CHAMPION, models.champion), (CHALLENGER, models.challenger)):
            self._waiting.append(
                partial(
                    _record_role, role=role, bundle=bundle, card=models.cards.get(role, ""), now_ms=now_ms
                )
            )

    def _tell_novelty(self, now_ms: int) -> None:
        if self._judged >= _FEWEST_JUDGED:
            self.drift({NOVEL: self._novel / self._judged}, now_ms)
        self._novel = self._judged = 0

    def _compare(self, models: ModelWatch, now_ms: int) -> None:
        compared, differences = models.shadow.collect()
        if models.challenger is None or not compared.judged:
            return
        counted = Agreement(compared.judged, compared.both, compared.champion_only, compared.challenger_only)
        names = models.champion.digest, models.challenger.digest
        self._waiting.append(
            lambda store: scores.add_agreement(store, *names, counted=counted, now_ms=now_ms)
        )
        for found in differences:
            row = Disagreement(now_ms, found.connection, found.champion, found.challenger)
            self._waiting.append(partial(telemetry.record_disagreement, found=row))

    def _write(self, now_ms: int) -> str:
        try:
            store = self._opened()
            while self._waiting:
                self._waiting[0](store)
                self._waiting.popleft()
            self.room = forget(store, self._settings, now_ms)
        except StoreError as error:
            self.close()
            return str(error)
        return ""

    def _opened(self) -> IncidentStore:
        if self._store is None:
            self._store = IncidentStore(self._folder, busy_s=_BUSY_S)
        return self._store


def _beat(sight: Sight, work: Work, now_ms: int) -> Beat:
    return Beat(
        now_ms,
        sight.source,
        packets=sight.packets,
        bytes=work.payload_bytes,
        connections=work.connections,
        scored=work.scored,
        alerts=work.alerts,
        drops=sight.dropped,
    )


def _record_role(store: IncidentStore, role: str, bundle: ModelBundle | None, card: str, now_ms: int) -> None:
    known = telemetry.models_in_use(store).get(role)
    if bundle is None:
        telemetry.forget_model(store, role)
    elif known is None or known.digest != bundle.digest:
        name = f"{bundle.name} {bundle.version}"
        telemetry.record_model(store, ModelInUse(role, name, bundle.digest, card, now_ms))


def _measure_drift(store: IncidentStore, model: str, now_ms: int) -> None:
    """Hold the scores of the last day against those of the week before it."""
    day = scores.scores(store, model, N_BINS, now_ms - _DAY_MS, now_ms)
    week = scores.scores(store, model, N_BINS, now_ms - _DAY_MS - _WEEK_MS, now_ms - _DAY_MS)
    value = stability_index(week, day)
    telemetry.record_drift(store, [Drift(now_ms, "scores", value)])
