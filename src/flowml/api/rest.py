"""The API: a call for everything that the pages do."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.exceptions import HTTPException

from flowml.api import answers, reading, sensor_answers
from flowml.api.access import Admin, Analyst, Viewer, now_ms
from flowml.api.context import context
from flowml.api.exports import csv_text
from flowml.api.packets import MEDIA_TYPE, packets_of

MAX_PAGE = 200
_CSV_ROWS = 10_000


def _problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": answers.Problem} for code in (400, 401, 403, 413, 421, 422, 503, *codes)}


router = APIRouter(prefix="/api/v1", responses=_problems())
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Since = Annotated[int | None, Query(ge=0, le=253_402_300_799_999, description="Epoch, ms")]
Search = Annotated[str, Query(max_length=200, description="Part of host, name, server or owner")]
Host = Annotated[str, Query(max_length=64, description="Address of the internal host")]
StateAsked = Annotated[answers.StateWord | None, Query(description="Only in this state")]
IncidentNumber = Annotated[int, Path(ge=1, le=answers.MAX_NUMBER)]


@router.get("/me")
def me(who: Viewer) -> answers.Me:
    """Say who asks."""
    return answers.Me(name=who.name, role=who.role.word)


@router.get("/overview")
def overview(request: Request, who: Viewer) -> sensor_answers.Overview:  # noqa: ARG001
    """The last 24 hours in some figures."""
    known, now = context(request), now_ms()
    condition = reading.health(known.store, now)
    return reading.overview(known.store, condition, known.settings.alerts_per_day, now)


@router.get("/health")
def health(request: Request, who: Viewer) -> sensor_answers.Health:  # noqa: ARG001
    """How the sensor is."""
    return reading.health(context(request).store, now_ms())


@router.get("/beats")
def beats(
    request: Request,
    who: Viewer,  # noqa: ARG001
    since_ms: Since = None,
    points: Annotated[int, Query(ge=2, le=1440)] = 288,
) -> sensor_answers.Series:
    """Throughput, connections and verdicts over time; since 24 hours ago if not asked otherwise."""
    now = now_ms()
    return reading.series(
        context(request).store, now - reading.DAY_MS if since_ms is None else since_ms, now, points
    )


@router.get("/incidents")
def incidents(  # noqa: PLR0913  # a parameter for each thing that can be asked
    request: Request,
    who: Viewer,  # noqa: ARG001
    state: StateAsked = None,
    search: Search = "",
    host: Host = "",
    since_ms: Since = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> answers.IncidentList:
    """Incidents, newest first."""
    asked = reading.Asked(state, search, host, since_ms)
    return reading.incidents(context(request).store, asked, limit, offset)


@router.get(
    "/incidents.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def incidents_csv(  # as above
    request: Request,
    who: Viewer,  # noqa: ARG001
    state: StateAsked = None,
    search: Search = "",
    host: Host = "",
    since_ms: Since = None,
) -> Response:
    """The newest 10,000 incidents as CSV."""
    asked = reading.Asked(state, search, host, since_ms)
    found = reading.rows(context(request).store, asked, _CSV_ROWS)
    return Response(
        csv_text(found),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="incidents.csv"'},
    )


@router.get("/incidents/{number}", responses=_problems(404))
def incident(request: Request, number: IncidentNumber, who: Viewer) -> answers.IncidentAnswer:  # noqa: ARG001
    """All that is known of one incident."""
    return reading.told(reading.incident(context(request).store, number))


@router.get(
    "/incidents/{number}/packets.pcap",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
        **_problems(404),
    },
)
def incident_packets(request: Request, number: IncidentNumber, who: Analyst) -> Response:
    """The headers that are kept of an incident's packets, as a pcap file."""
    known = context(request)
    data = packets_of(known.store, known.evidence, number, (who.name, now_ms()))
    disposition = f'attachment; filename="incident-{number}.pcap"'
    return Response(data, media_type=MEDIA_TYPE, headers={"Content-Disposition": disposition})


@router.patch("/incidents", responses=_problems(404))
def change_incidents(request: Request, question: answers.ChangeQuestion, who: Analyst) -> answers.Changed:
    """Change state, owner or note of some incidents, all of them or none."""
    return reading.change(context(request).store, question, who.name, now_ms())


@router.get("/hosts")
def hosts(
    request: Request,
    who: Viewer,  # noqa: ARG001
    search: Search = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> answers.HostList:
    """Hosts with incidents, those seen last first."""
    return reading.hosts(context(request).store, search, limit, offset)


@router.get("/policies")
def policies(request: Request, who: Viewer) -> answers.PolicyList:  # noqa: ARG001
    """Authorised mining, newest first."""
    return reading.policies(context(request).store, now_ms())


@router.post("/policies", status_code=201)
def add_policy(request: Request, question: answers.PolicyQuestion, who: Admin) -> answers.PolicyLine:
    """Authorise the mining of a network; its alerts go into incidents that are authorised."""
    return reading.add_policy(context(request).store, question, who.name, now_ms())


@router.post("/policies/{number}/end", responses=_problems(404))
def end_policy(request: Request, number: IncidentNumber, who: Admin) -> answers.PolicyLine:
    """End an authorisation before its time."""
    return reading.end_policy(context(request).store, number, who.name, now_ms())


@router.get("/models")
def models(request: Request, who: Viewer) -> sensor_answers.ModelList:  # noqa: ARG001
    """The models that judge and run in the shadow, as the sensor has told."""
    return reading.models(context(request).store)


@router.get("/drift")
def drift(request: Request, who: Viewer) -> sensor_answers.DriftList:  # noqa: ARG001
    """How far what is seen is from what the model was fitted on; the last seven days."""
    return reading.drift(context(request).store, now_ms())


@router.get("/disagreements")
def disagreements(request: Request, who: Viewer) -> sensor_answers.DisagreementList:  # noqa: ARG001
    """Connections of which champion and challenger think differently; the last seven days."""
    return reading.disagreements(context(request).store, now_ms())


@router.get("/settings")
def settings(request: Request, who: Admin) -> answers.SettingsAnswer:  # noqa: ARG001
    """The settings as the dashboard has read them; secrets are masked."""
    return answers.SettingsAnswer(
        sections={name: dict(keys) for name, keys in context(request).shown.items()}
    )


@router.get("/audit")
def audit(request: Request, who: Admin, limit: Limit = 50, offset: Offset = 0) -> answers.AuditList:  # noqa: ARG001
    """The audit log, newest first."""
    return reading.audit(context(request).store, limit, offset)


@router.api_route("/{rest:path}", methods=["GET"], include_in_schema=False)
def nothing_here(who: Viewer) -> None:  # noqa: ARG001
    """There is no such call."""
    raise HTTPException(404, "no such call; /api/v1/openapi.json lists them")
