"""What the sensor says of itself, and who did what: beats, health, models, drift, the audit log."""

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass

from flowml.detections.sentence import Sentence
from flowml.incidents.store import IncidentStore
from flowml.sinks.text import encodable

SELFTEST = "selftest"  # the one check that is not the sensor's own
KEPT_MS = 35 * 86_400_000  # beats, drift and disagreements: a month and what is compared with it


@dataclass(frozen=True)
class Beat:
    """What a source saw in a minute.

    Attributes
    ----------
    time_ms : int
        End of the minute (epoch, ms).
    source : str
        Interface.
    packets, bytes, connections, scored, alerts : int
    drops : int
        Packets lost before they could be metered.
    """

    time_ms: int
    source: str
    packets: int
    bytes: int
    connections: int
    scored: int
    alerts: int
    drops: int


@dataclass(frozen=True)
class BeatSum:
    """What all sources saw in a span of time.

    Attributes
    ----------
    place : int
        Number of the span.
    packets, bytes, connections, scored, drops : int
    """

    place: int
    packets: int
    bytes: int
    connections: int
    scored: int
    drops: int


@dataclass(frozen=True)
class HealthState:
    """One thing that may make the sensor blind.

    Attributes
    ----------
    name : str
    status : str
        ``ok``, ``warn`` or ``bad``.
    said : Sentence
    since_ms, updated_ms : int
        Since when it is so, and when that was looked at last (epoch, ms).
    """

    name: str
    status: str
    said: Sentence
    since_ms: int
    updated_ms: int


@dataclass(frozen=True)
class ModelInUse:
    """A model that judges, or runs in the shadow.

    Attributes
    ----------
    role : str
        ``champion`` or ``challenger``.
    name, digest, card : str
    since_ms : int
    """

    role: str
    name: str
    digest: str
    card: str
    since_ms: int


@dataclass(frozen=True)
class Drift:
    """Population stability of a feature or a score: how far what is seen is from what was fitted on."""

    time_ms: int
    name: str
    value: float


@dataclass(frozen=True)
class Disagreement:
    """A connection of which champion and challenger think differently; their probabilities."""

    time_ms: int
    connection: str
    champion: float
    challenger: float


@dataclass(frozen=True)
class AuditEntry:
    """Who did what."""

    number: int
    time_ms: int
    who: str
    action: str
    target: str


def record_beat(store: IncidentStore, beat: Beat) -> None:
    """Keep a beat, and forget those of more than a month ago."""
    with store.database.writing() as connection:
        connection.execute("DELETE FROM beat WHERE time_ms < ?", (beat.time_ms - KEPT_MS,))
        connection.execute("INSERT OR REPLACE INTO beat VALUES (?, ?, ?, ?, ?, ?, ?, ?)", astuple(beat))


def beat_sums(store: IncidentStore, since_ms: int, span_ms: int) -> list[BeatSum]:
    """Add up the beats since a time by equal spans, in their order; spans without beats are left out."""
    with store.database.reading() as connection:
        rows = connection.execute(
            "SELECT (time_ms - ?1) / ?2 AS place, SUM(packets), SUM(bytes), SUM(connections), SUM(scored), "
            "SUM(drops) FROM beat WHERE time_ms >= ?1 GROUP BY place ORDER BY place",
            (since_ms, span_ms),
        )
        return [BeatSum(*row) for row in rows]


def last_beat_ms(store: IncidentStore) -> int | None:
    """Give when the newest beat ended (epoch, ms)."""
    with store.database.reading() as connection:
        (found,) = connection.execute("SELECT MAX(time_ms) FROM beat").fetchone()
    return None if found is None else int(found)


def record_health(store: IncidentStore, states: Iterable[HealthState]) -> None:
    """Keep how the sensor is, instead of how it was; what another program checked stays."""
    with store.database.writing() as connection:
        connection.execute("DELETE FROM health WHERE name <> ?", (SELFTEST,))
        connection.executemany(
            "INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, states)
        )


def record_check(store: IncidentStore, status: str, said: Sentence, now_ms: int) -> None:
    """Keep what the blindness check found."""
    with store.database.writing() as connection:
        connection.execute(
            "INSERT INTO health VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
            "since_ms = CASE status WHEN excluded.status THEN since_ms ELSE excluded.since_ms END, "
            "status = excluded.status, words = excluded.words, updated_ms = excluded.updated_ms, "
            "key = excluded.key, figures = excluded.figures",
            _row(HealthState(SELFTEST, status, said, now_ms, now_ms)),
        )


def health(store: IncidentStore) -> list[HealthState]:
    """Give how the sensor is."""
    with store.database.reading() as connection:
        rows = connection.execute("SELECT * FROM health ORDER BY name").fetchall()
    return [
        HealthState(
            name, status, Sentence(words, key, tuple(map(tuple, json.loads(figures)))), since, updated
        )
        for name, status, words, since, updated, key, figures in rows
    ]


def _row(state: HealthState) -> tuple[str | int, ...]:
    said = state.said
    figures = json.dumps(said.figures)
    return state.name, state.status, said.text, state.since_ms, state.updated_ms, said.key, figures


def record_model(store: IncidentStore, model: ModelInUse) -> None:
    """Keep which model has a role."""
    with store.database.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO model VALUES (?, ?, ?, ?, ?)", astuple(model))


def models_in_use(store: IncidentStore) -> dict[str, ModelInUse]:
    """Give the models by role."""
    with store.database.reading() as connection:
        return {row[0]: ModelInUse(*row) for row in connection.execute("SELECT * FROM model")}


def forget_model(store: IncidentStore, role: str) -> None:
    """Keep that no model has a role."""
    with store.database.writing() as connection:
        connection.execute("DELETE FROM model WHERE role = ?", (role,))


def record_drift(store: IncidentStore, measured: Iterable[Drift]) -> None:
    """Keep figures of drift, and forget those of more than a month before them."""
    rows = [astuple(found) for found in measured]
    with store.database.writing() as connection:
        connection.executemany("INSERT OR REPLACE INTO drift VALUES (?, ?, ?)", rows)
        if rows:
            connection.execute("DELETE FROM drift WHERE time_ms < ?", (rows[-1][0] - KEPT_MS,))


def drift(store: IncidentStore, since_ms: int) -> list[Drift]:
    """Give the newest figure of each name since a time, the greatest first."""
    with store.database.reading() as connection:
        rows = connection.execute(
            "SELECT MAX(time_ms), name, value FROM drift "
            "WHERE time_ms >= ? GROUP BY name ORDER BY value DESC",
            (since_ms,),
        )
        return [Drift(*row) for row in rows]


def record_disagreement(store: IncidentStore, found: Disagreement) -> None:
    """Keep a disagreement, and forget those of more than a month before it."""
    with store.database.writing() as connection:
        connection.execute(
            "INSERT INTO disagreement (time_ms, connection, champion, challenger) VALUES (?, ?, ?, ?)",
            astuple(found),
        )
        connection.execute("DELETE FROM disagreement WHERE time_ms < ?", (found.time_ms - KEPT_MS,))


def disagreements(store: IncidentStore, since_ms: int, limit: int = 100) -> list[Disagreement]:
    """Give the newest disagreements since a time."""
    with store.database.reading() as connection:
        rows = connection.execute(
            "SELECT time_ms, connection, champion, challenger FROM disagreement "
            "WHERE time_ms >= ? ORDER BY time_ms DESC LIMIT ?",
            (since_ms, limit),
        )
        return [Disagreement(*row) for row in rows]


def audit(store: IncidentStore, who: str, action: str, target: str, now_ms: int) -> None:
    """Write into the audit log; nothing is ever taken out of it."""
    with store.database.writing() as connection:
        connection.execute(
            "INSERT INTO audit (time_ms, who, action, target) VALUES (?, ?, ?, ?)",
            (now_ms, *map(encodable, (who, action, target))),
        )


def audit_log(store: IncidentStore, limit: int, offset: int) -> tuple[list[AuditEntry], int]:
    """Give entries of the audit log, newest first, and how many there are."""
    with store.database.reading() as connection:
        rows = connection.execute(
            "SELECT * FROM audit ORDER BY number DESC LIMIT ? OFFSET ?", (limit, offset)
        )
        entries = [AuditEntry(*row) for row in rows]
        return entries, int(connection.execute("SELECT COUNT(*) FROM audit").fetchone()[0])
