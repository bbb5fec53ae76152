"""Pages: what people see, and the forms that they send."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from flowml.api import answers, reading
from flowml.api.access import Admin, Analyst, Viewer, Visitor, now_ms
from flowml.api.context import context
from flowml.api.door import local_path
from flowml.api.paging import MAX_PAGES, PAGE_ROWS, Paging
from flowml.api.rendering import language_of, markdown
from flowml.api.rest import IncidentNumber
from flowml.api.strip import picture
from flowml.api.users import Role

router = APIRouter(include_in_schema=False)
STATES = ("new", "acknowledged", "confirmed", "closed", "false_alarm", "authorised")
SPANS: Mapping[str, int] = {
    "": 0,
    "day": reading.DAY_MS,
    "week": 7 * reading.DAY_MS,
    "month": 30 * reading.DAY_MS,
}
_SECTIONS = (
    ("overview", "/", Role.VIEWER),
    ("incidents", "/incidents", Role.VIEWER),
    ("hosts", "/hosts", Role.VIEWER),
    ("models", "/models", Role.VIEWER),
    ("policies", "/policies", Role.VIEWER),
    ("settings", "/settings", Role.ADMIN),
    ("audit", "/audit", Role.ADMIN),
)
_LATEST = 6
_ALERTS = 20
_DRIFTED = 20
_Question = TypeVar("_Question", bound=BaseModel)
Page = Annotated[int, Query(ge=1, le=MAX_PAGES)]
Search = Annotated[str, Query(max_length=200)]
Done = Annotated[str, Query(pattern="^(changed|authorised|added|ended)?$")]


def _page(request: Request, template: str, who: Visitor, section: str, **values: Any) -> Response:
    known = context(request)
    frame = {
        "section": section,
        "navigation": [(name, href) for name, href, role in _SECTIONS if who.may(role)],
        "waiting": reading.waiting(known.store),
    }
    return known.renderer.page(request, template, {**frame, **values}, who)


@router.get("/")
def overview(request: Request, who: Viewer) -> Response:
    """The last day in one glance."""
    known = context(request)
    figures = reading.overview(known.store, known.settings.alerts_per_day, now_ms())
    latest = reading.incidents(known.store, reading.Asked(), _LATEST, 0).incidents
    return _page(request, "overview.html", who, "overview", overview=figures, latest=latest)


@router.get("/incidents")
def incidents(  # noqa: PLR0913  # a parameter for each field of the form
    request: Request,
    who: Viewer,
    search: Search = "",
    state: Annotated[str, Query(max_length=20)] = "",
    since: Annotated[str, Query(max_length=10)] = "",
    host: Annotated[str, Query(max_length=64)] = "",
    page: Page = 1,
    done: Done = "",
) -> Response:
    """Incidents, filtered."""
    state, since = state if state in STATES else "", since if since in SPANS else ""
    since_ms = now_ms() - SPANS[since] if since else None
    asked = reading.Asked(state or None, search, host, since_ms)
    found = reading.incidents(context(request).store, asked, PAGE_ROWS, (page - 1) * PAGE_ROWS)
    given = {"search": search, "state": state, "since": since, "host": host}
    query = {key: value for key, value in given.items() if value}
    exported = {key: value for key, value in query.items() if key != "since"}
    return _page(
        request,
        "incidents.html",
        who,
        "incidents",
        lines=found.incidents,
        asked=given,
        filtered=bool(query),
        states=STATES,
        spans=tuple(SPANS),
        export=urlencode(exported | ({"since_ms": str(since_ms)} if since_ms else {})),
        page=Paging("/incidents", query, page, found.total),
        may_change=who.may(Role.ANALYST),
        done=done,
    )


@router.post("/incidents")
def change_incidents(
    request: Request,
    who: Analyst,
    state: Annotated[str, Form(max_length=20)],
    number: Annotated[list[str] | None, Form(max_length=1000)] = None,
    next: Annotated[str, Form(max_length=2048)] = "/incidents",  # noqa: A002
) -> Response:
    """Change the state of the incidents that were picked."""
    if number:
        _change(request, who, {"numbers": [_whole(text) for text in number], "state": state})
    back = local_path(next)
    return RedirectResponse(back if back.startswith("/incidents") else "/incidents", 303)


@router.get("/incidents/{number}")
def incident(request: Request, number: IncidentNumber, who: Viewer, done: Done = "") -> Response:
    """One incident and its evidence."""
    found = reading.incident(context(request).store, number, _ALERTS)
    return _page(
        request,
        "incident.html",
        who,
        "incidents",
        line=found.incident,
        alerts=tuple(map(_pictured, found.alerts)),
        history=found.history,
        related=found.related,
        findings=found.findings,
        states=STATES,
        may_change=who.may(Role.ANALYST),
        has_packets=context(request).evidence is not None,
        may_authorise=who.may(Role.ADMIN),
        in_a_month=f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}",
        done=done,
    )


@router.post("/incidents/{number}")
def change_incident(  # a parameter for each field of the form
    request: Request,
    number: IncidentNumber,
    who: Analyst,
    state: Annotated[str | None, Form(max_length=20)] = None,
    owner: Annotated[str | None, Form(max_length=64)] = None,
    note: Annotated[str | None, Form(max_length=4000)] = None,
) -> Response:
    """Change one incident: its state, or its owner and a note."""
    if owner is not None:
        known = reading.incident_line(context(request).store, number).owner
        owner = None if owner.strip() == known else owner.strip()
    asked = {"state": state, "owner": owner, "note": (note or "").strip().replace("\r\n", "\n") or None}
    wanted = {key: value for key, value in asked.items() if value is not None}
    if wanted:
        _change(request, who, {"numbers": [number], **wanted})
    return RedirectResponse(f"/incidents/{number}?done=changed", 303)


@router.post("/incidents/{number}/authorise")
def authorise(
    request: Request,
    number: IncidentNumber,
    who: Admin,
    reason: Annotated[str, Form(max_length=500)],
    until: Annotated[str, Form(max_length=10)],
) -> Response:
    """Authorise the mining of this incident's host."""
    store = context(request).store
    host = reading.incident_line(store, number).host
    question = _policy(request, {"network": host, "reason": reason, "owner": who.name, "until": until})
    reading.add_policy(store, question, who.name, now_ms())
    if reading.incident_line(store, number).state != "authorised":
        _change(request, who, {"numbers": [number], "state": "authorised"})
    return RedirectResponse(f"/incidents/{number}?done=authorised", 303)


@router.get("/hosts")
def hosts(request: Request, who: Viewer, search: Search = "", page: Page = 1) -> Response:
    """Hosts with incidents."""
    found = reading.hosts(context(request).store, search, PAGE_ROWS, (page - 1) * PAGE_ROWS)
    paging = Paging("/hosts", {"search": search} if search else {}, page, found.total)
    return _page(request, "hosts.html", who, "hosts", lines=found.hosts, search=search, page=paging)


@router.get("/models")
def models(request: Request, who: Viewer) -> Response:
    """What judges, and how well it fits."""
    store = context(request).store
    by_role = {model.role: model for model in reading.models(store).models}
    champion = by_role.get("champion")
    return _page(
        request,
        "models.html",
        who,
        "models",
        champion=champion,
        challenger=by_role.get("challenger"),
        card=None if champion is None else markdown(champion.card),
        drift=reading.drift(store, now_ms()).drift[:_DRIFTED],
        drift_check=next((it for it in reading.health(store, now_ms()).checks if it.name == "drift"), None),
        disagreements=reading.disagreements(store, now_ms()).disagreements,
    )


@router.get("/policies")
def policies(request: Request, who: Viewer, done: Done = "") -> Response:
    """Authorised mining."""
    given = {"network": "", "reason": "", "owner": who.name, "until": ""}
    return _show_policies(request, who, given, done=done)


@router.post("/policies")
def add_policy(  # a parameter for each field of the form
    request: Request,
    who: Admin,
    network: Annotated[str, Form(max_length=64)],
    reason: Annotated[str, Form(max_length=500)],
    owner: Annotated[str, Form(max_length=64)],
    until: Annotated[str, Form(max_length=10)],
) -> Response:
    """Authorise the mining of a network."""
    given = {"network": network, "reason": reason, "owner": owner, "until": until}
    try:
        reading.add_policy(context(request).store, _policy(request, given), who.name, now_ms())
    except HTTPException as error:
        return _show_policies(request, who, given, problem=str(error.detail))
    return RedirectResponse("/policies?done=added", 303)


@router.post("/policies/{number}/end")
def end_policy(request: Request, number: IncidentNumber, who: Admin) -> Response:
    """End an authorisation before its time."""
    reading.end_policy(context(request).store, number, who.name, now_ms())
    return RedirectResponse("/policies?done=ended", 303)


@router.get("/settings")
def settings(request: Request, who: Admin) -> Response:
    """The settings as they were read."""
    return _page(request, "settings.html", who, "settings", sections=context(request).shown)


@router.get("/audit")
def audit(request: Request, who: Admin, page: Page = 1) -> Response:
    """Who did what."""
    found = reading.audit(context(request).store, PAGE_ROWS, (page - 1) * PAGE_ROWS)
    paging = Paging("/audit", {}, page, found.total)
    return _page(request, "audit.html", who, "audit", lines=found.entries, page=paging)


def _show_policies(
    request: Request, who: Visitor, given: Mapping[str, str], problem: str = "", done: str = ""
) -> Response:
    lines = reading.policies(context(request).store, now_ms()).policies
    values = {
        "lines": lines,
        "given": given,
        "problem": problem,
        "done": done,
        "may_change": who.may(Role.ADMIN),
    }
    return _page(request, "policies.html", who, "policies", **values)


@lru_cache(maxsize=256)  # an alert never changes
def _pictured(alert: answers.AlertAnswer) -> Mapping[str, Any]:
    shown = picture([(message.at_s, message.size_bytes) for message in alert.strip])
    return {**alert.model_dump(exclude={"strip"}), "picture": shown}


def _change(request: Request, who: Visitor, wanted: Mapping[str, Any]) -> None:
    question = _asked(answers.ChangeQuestion, wanted)
    reading.change(context(request).store, question, who.name, now_ms())


def _policy(request: Request, given: Mapping[str, str]) -> answers.PolicyQuestion:
    try:
        until = datetime.strptime(given["until"], "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
        until_ms = int(until.timestamp() * 1000)
    except (ValueError, OverflowError):
        until_ms = 0
    if until_ms <= now_ms():
        raise HTTPException(422, language_of(request)("policy.past"))
    wanted = {key: given[key].strip() for key in ("network", "reason", "owner")}
    return _asked(answers.PolicyQuestion, {**wanted, "until_ms": until_ms})


def _asked(kind: type[_Question], wanted: Mapping[str, Any]) -> _Question:
    """Check a form as the API checks its bodies."""
    try:
        return kind.model_validate(wanted)
    except ValidationError as error:
        words = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        raise HTTPException(422, words) from error


def _whole(text: str) -> int:
    """A number of a form; 0, which is none of an incident, if it is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else 0
