"""From the store to answers: the one place where the API knows what incidents are made of."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from starlette.exceptions import HTTPException

from flowml.api import answers, sensor_answers
from flowml.api.refusals import Refused
from flowml.api.sensor_answers import Level
from flowml.detections.alert import Alert
from flowml.detections.incident import OPEN, Change, Incident, IncidentState, Policy
from flowml.detections.sentence import Sentence
from flowml.incidents import telemetry
from flowml.incidents.asking import IncidentDetail, IncidentFilter
from flowml.incidents.campaigns import LOOKED_AT, findings
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import BeatSum

DAY_MS = 86_400_000
ALERTS = 100  # of an incident are answered at once
_WEEK_MS = 7 * DAY_MS
_SILENT_MS = 3 * 60_000  # beats come once a minute
_LEVELS: tuple[Level, ...] = ("ok", "warn", "bad")
_SERIES: dict[str, Callable[[BeatSum], int]] = {
    "bits_per_s": lambda beat: 8 * beat.bytes,
    "connections_per_s": lambda beat: beat.connections,
    "scored_per_s": lambda beat: beat.scored,
}
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Asked:
    """Which incidents somebody wants to see; what is empty or None is any."""

    state: str | None = None
    search: str = ""
    host: str = ""
    since_ms: int | None = None


@dataclass(frozen=True)
class Known:
    """One incident, and what connects it with others."""

    detail: IncidentDetail
    findings: tuple[Sentence, ...]


def incidents(store: IncidentStore, asked: Asked, limit: int, offset: int) -> answers.IncidentList:
    """Incidents, newest first."""
    found = store.incidents(_filter(asked), limit, offset)
    lines = tuple(map(_line, found.incidents))
    return answers.IncidentList(total=found.total, offset=offset, limit=limit, incidents=lines)


def rows(store: IncidentStore, asked: Asked, limit: int) -> list[tuple[str | int, ...]]:
    """The newest incidents, for a file."""
    return store.rows(_filter(asked), limit)


def incident(store: IncidentStore, number: int, alerts: int = ALERTS) -> Known:
    """One incident and its newest alerts; 404 if there is none of this number."""
    found = _detail(store, number, max(alerts, LOOKED_AT))
    return Known(replace(found, alerts=found.alerts[:alerts]), findings(store, found))


def following(store: IncidentStore, number: int) -> answers.IncidentLine | None:
    """The newest incident that nobody has looked at, other than this one."""
    new = store.incidents(IncidentFilter(IncidentState.NEW), 2, 0).incidents
    return next((_line(it) for it in new if it.number != number), None)


def told(known: Known) -> answers.IncidentAnswer:
    """What is known of an incident, as the API answers it."""
    detail = known.detail
    return answers.IncidentAnswer(
        incident=_line(detail.incident),
        alerts=tuple(map(_alert, detail.alerts)),
        history=tuple(answers.HistoryLine(**vars(step)) for step in detail.steps),
        related=tuple(map(_line, detail.related)),
        findings=tuple(sentence.text for sentence in known.findings),
    )


def incident_line(store: IncidentStore, number: int) -> answers.IncidentLine:
    """One incident without its evidence; 404 if there is none of this number."""
    return _line(_detail(store, number, 0).incident)


def change(store: IncidentStore, question: answers.ChangeQuestion, who: str, now_ms: int) -> answers.Changed:
    """Change incidents, all of them or none, and write that into the audit log."""
    state = None if question.state is None else IncidentState(question.state)
    wanted = Change(state, question.owner, question.note)
    changed = _found(lambda: store.change(question.numbers, wanted, who, now_ms))
    telemetry.audit(store, who, "change incident", _told(question), now_ms)
    return answers.Changed(changed=changed)


def hosts(store: IncidentStore, search: str, limit: int, offset: int) -> answers.HostList:
    """Hosts with incidents, those seen last first."""
    found, total = store.hosts(search, limit, offset)
    lines = tuple(answers.HostLine(**vars(host)) for host in found)
    return answers.HostList(total=total, offset=offset, limit=limit, hosts=lines)


def policies(store: IncidentStore, now_ms: int) -> answers.PolicyList:
    """Authorised mining, newest first."""
    return answers.PolicyList(policies=tuple(_policy(policy, now_ms) for policy in store.policies()))


def add_policy(
    store: IncidentStore, question: answers.PolicyQuestion, who: str, now_ms: int
) -> answers.PolicyLine:
    """Authorise a network; 422 if it is none, or if that would be over already."""
    if question.until_ms <= now_ms:
        raise HTTPException(422, "until_ms: is in the past, expected when the authorisation ends")
    try:
        policy = store.add_policy(question.network, question.reason, question.owner, question.until_ms)
    except ValueError as error:
        raise HTTPException(422, f"network: {error}; expected one such as 10.2.0.0/16") from error
    telemetry.audit(store, who, "add policy", f"{policy.network}: {policy.reason}", now_ms)
    return _policy(policy, now_ms)


def end_policy(store: IncidentStore, number: int, who: str, now_ms: int) -> answers.PolicyLine:
    """End an authorisation; 404 if there is none of this number."""
    policy = _found(lambda: store.end_policy(number, now_ms))
    telemetry.audit(store, who, "end policy", policy.network, now_ms)
    return _policy(policy, now_ms)


def waiting(store: IncidentStore) -> int:
    """How many incidents nobody has looked at."""
    return store.count((IncidentState.NEW,))


def health(store: IncidentStore, now_ms: int) -> sensor_answers.Health:
    """How the sensor is, the gravest first; one not heard of for minutes is blind, whatever it said."""
    return health_and_words(store, now_ms)[0]


def health_and_words(store: IncidentStore, now_ms: int) -> tuple[sensor_answers.Health, dict[str, Sentence]]:
    """`health`, and what is said of each check, to be said in the reader's language: of one reading."""
    states = telemetry.health(store)
    checks = tuple(
        sensor_answers.Check(
            name=state.name,
            level=_level(state.status),
            words=state.said.text,
            since_ms=state.since_ms,
            updated_ms=state.updated_ms,
        )
        for state in states
    )
    told_ms = [state.updated_ms for state in states if state.name != telemetry.SELFTEST]
    heard = max([*told_ms, telemetry.last_beat_ms(store) or 0]) or None
    level: Level = max((check.level for check in checks), key=_LEVELS.index, default="ok")
    if is_silent(heard, now_ms):
        level = "bad"
    gravest_first = tuple(sorted(checks, key=lambda check: -_LEVELS.index(check.level)))
    answer = sensor_answers.Health(level=level, heard_ms=heard, checks=gravest_first)
    return answer, {state.name: state.said for state in states}


def is_silent(heard_ms: int | None, now_ms: int) -> bool:
    """Whether the sensor was not heard of for minutes."""
    return heard_ms is None or now_ms - heard_ms > _SILENT_MS


def overview(
    store: IncidentStore, condition: sensor_answers.Health, budget: float, now_ms: int
) -> sensor_answers.Overview:
    """The last 24 hours in some figures, and how the sensor is now."""
    beats = telemetry.beat_sums(store, now_ms - DAY_MS, DAY_MS)
    return sensor_answers.Overview(
        packets=sum(beat.packets for beat in beats),
        bytes=sum(beat.bytes for beat in beats),
        connections=sum(beat.connections for beat in beats),
        scored=sum(beat.scored for beat in beats),
        drops=sum(beat.drops for beat in beats),
        alerts=store.alerts_since(now_ms - DAY_MS),
        alerts_budget=budget,
        new_incidents=waiting(store),
        open_incidents=store.count(OPEN),
        health=condition,
    )


def series(store: IncidentStore, since_ms: int, now_ms: int, points: int) -> sensor_answers.Series:
    """Rates over time, as means over equal spans; None where nothing was heard of the sensor."""
    span_ms = max(60_000, -(-(now_ms - since_ms) // points))
    count = max(1, -(-(now_ms - since_ms) // span_ms))
    sums: dict[str, list[float | None]] = {name: [None] * count for name in _SERIES}
    for beat in telemetry.beat_sums(store, since_ms, span_ms):
        place = min(beat.place, count - 1)
        for name, value in _SERIES.items():
            sums[name][place] = (sums[name][place] or 0) + value(beat) * 1000 / span_ms
    return sensor_answers.Series(
        times=tuple(since_ms + place * span_ms for place in range(count)),
        series={name: tuple(values) for name, values in sums.items()},
    )


def models(store: IncidentStore) -> sensor_answers.ModelList:
    """The models that the sensor has told of."""
    return sensor_answers.ModelList(
        models=tuple(sensor_answers.ModelLine(**vars(it)) for it in telemetry.models_in_use(store).values())
    )


def drift(store: IncidentStore, now_ms: int) -> sensor_answers.DriftList:
    """Newest figures of drift, the greatest first."""
    lines = tuple(
        sensor_answers.DriftLine(**vars(found)) for found in telemetry.drift(store, now_ms - _WEEK_MS)
    )
    return sensor_answers.DriftList(drift=lines)


def disagreements(store: IncidentStore, now_ms: int) -> sensor_answers.DisagreementList:
    """Disagreements of the last week, newest first."""
    found = telemetry.disagreements(store, now_ms - _WEEK_MS)
    return sensor_answers.DisagreementList(
        disagreements=tuple(sensor_answers.DisagreementLine(**vars(it)) for it in found)
    )


def audit(store: IncidentStore, limit: int, offset: int) -> answers.AuditList:
    """The audit log, newest first."""
    entries, total = telemetry.audit_log(store, limit, offset)
    return answers.AuditList(
        total=total, entries=tuple(answers.AuditLine(**vars(entry)) for entry in entries)
    )


def _found(ask: Callable[[], _Result]) -> _Result:
    try:
        return ask()
    except LookupError as error:
        raise HTTPException(404, str(error.args[0])) from error


def _filter(asked: Asked) -> IncidentFilter:
    state = None if asked.state is None else IncidentState(asked.state)
    return IncidentFilter(state, asked.search, asked.host, asked.since_ms)


def _detail(store: IncidentStore, number: int, alerts: int) -> IncidentDetail:
    found = store.incident(number, alerts)
    if found is None:
        raise Refused(404, "no_incident", number=number)
    return found


def _told(question: answers.ChangeQuestion) -> str:
    """What was changed, short enough for a line of the audit log."""
    shown = " ".join(f"#{number}" for number in question.numbers[:20])
    more = f" and {len(question.numbers) - 20} more" if len(question.numbers) > 20 else ""
    asked = (
        ("state", question.state),
        ("owner", question.owner),
        ("note", question.note and question.note[:80]),
    )
    return f"{shown}{more}: " + ", ".join(f"{what} {value!r}" for what, value in asked if value is not None)


def _line(incident: Incident) -> answers.IncidentLine:
    return answers.IncidentLine(**{**vars(incident), "state": incident.state.value})


def _policy(policy: Policy, now_ms: int) -> answers.PolicyLine:
    return answers.PolicyLine(**vars(policy), ended=policy.until_ms <= now_ms)


@lru_cache(maxsize=256)  # an alert never changes
def _alert(alert: Alert) -> answers.AlertAnswer:
    verdict = alert.verdict
    told = {name: getattr(verdict, name) for name in answers.OF_VERDICT}
    return answers.AlertAnswer(
        **told,
        identifier=alert.identifier,
        raised_ms=alert.raised_ms,
        client_ip=verdict.key.client_ip,
        client_port=verdict.key.client_port,
        server_ip=verdict.key.server_ip,
        server_port=verdict.key.server_port,
        community_id=verdict.key.community_id,
        explanation=tuple(sentence.text for sentence in alert.explanation),
        strip=tuple(answers.Message(at_s=at, size_bytes=size) for at, size in alert.evidence.strip),
        share_rate_per_min=alert.evidence.share_rate_per_min,
        resembles=alert.evidence.resembles,
        opened_before=alert.evidence.opened_before,
    )


def _level(status: str) -> Level:
    """A status that is none of ours is looked at rather than believed."""
    return next((level for level in _LEVELS if level == status), "warn")
