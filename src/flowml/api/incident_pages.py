"""Pages of incidents: the list, one of them with its evidence, and the forms that change them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from flowml.api import answers, forms, reading
from flowml.api.access import Admin, Analyst, Viewer, now_ms
from flowml.api.context import context
from flowml.api.door import local_path
from flowml.api.frame import Done, Page, Search, framed
from flowml.api.paging import PAGE_ROWS, Paging
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
_ALERTS = 20


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
    return framed(
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
        forms.change(request, who, {"numbers": [forms.whole(text) for text in number], "state": state})
    back = local_path(next)
    return RedirectResponse(back if back.startswith("/incidents") else "/incidents", 303)


@router.get("/incidents/{number}")
def incident(request: Request, number: IncidentNumber, who: Viewer, done: Done = "") -> Response:
    """One incident and its evidence."""
    known = reading.incident(context(request).store, number, _ALERTS)
    found = reading.told(known)
    said = (alert.explanation for alert in known.detail.alerts)
    return framed(
        request,
        "incident.html",
        who,
        "incidents",
        line=found.incident,
        following=reading.following(context(request).store, number),
        alerts=[{**_pictured(alert), "said": it} for alert, it in zip(found.alerts, said, strict=True)],
        history=found.history,
        related=found.related,
        findings=known.findings,
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
        forms.change(request, who, {"numbers": [number], **wanted})
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
    question = forms.policy(request, {"network": host, "reason": reason, "owner": who.name, "until": until})
    reading.add_policy(store, question, who.name, now_ms())
    if reading.incident_line(store, number).state != "authorised":
        forms.change(request, who, {"numbers": [number], "state": "authorised"})
    return RedirectResponse(f"/incidents/{number}?done=authorised", 303)


@lru_cache(maxsize=256)  # an alert never changes
def _pictured(alert: answers.AlertAnswer) -> Mapping[str, Any]:
    shown = picture([(message.at_s, message.size_bytes) for message in alert.strip])
    return {**alert.model_dump(exclude={"strip", "explanation"}), "picture": shown}
