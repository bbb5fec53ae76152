"""Pages: what people see of the sensor, its models and what is allowed, and the forms that they send."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from flowml.api import forms, reading
from flowml.api.access import Admin, Viewer, Visitor, now_ms
from flowml.api.context import context
from flowml.api.frame import Done, Page, Search, framed
from flowml.api.paging import PAGE_ROWS, Paging
from flowml.api.rendering import markdown
from flowml.api.rest import IncidentNumber
from flowml.api.users import Role

router = APIRouter(include_in_schema=False)
_LATEST = 6
_DRIFTED = 20


@router.get("/")
def overview(request: Request, who: Viewer) -> Response:
    """The last day in one glance."""
    known, now = context(request), now_ms()
    condition, said = reading.health_and_words(known.store, now)
    figures = reading.overview(known.store, condition, known.settings.alerts_per_day, now)
    latest = reading.incidents(known.store, reading.Asked(), _LATEST, 0).incidents
    return framed(
        request,
        "overview.html",
        who,
        "overview",
        overview=figures,
        latest=latest,
        said=said,
        is_silent=reading.is_silent(condition.heard_ms, now),
    )


@router.get("/hosts")
def hosts(request: Request, who: Viewer, search: Search = "", page: Page = 1) -> Response:
    """Hosts with incidents."""
    found = reading.hosts(context(request).store, search, PAGE_ROWS, (page - 1) * PAGE_ROWS)
    paging = Paging("/hosts", {"search": search} if search else {}, page, found.total)
    return framed(request, "hosts.html", who, "hosts", lines=found.hosts, search=search, page=paging)


@router.get("/models")
def models(request: Request, who: Viewer) -> Response:
    """What judges, and how well it fits."""
    store, now = context(request).store, now_ms()
    condition, said = reading.health_and_words(store, now)
    by_role = {model.role: model for model in reading.models(store).models}
    champion = by_role.get("champion")
    return framed(
        request,
        "models.html",
        who,
        "models",
        champion=champion,
        challenger=by_role.get("challenger"),
        card=None if champion is None else markdown(champion.card),
        drift=reading.drift(store, now).drift[:_DRIFTED],
        said=said,
        drift_check=next((it for it in condition.checks if it.name == "drift"), None),
        disagreements=reading.disagreements(store, now).disagreements,
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
        reading.add_policy(context(request).store, forms.policy(request, given), who.name, now_ms())
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
    return framed(request, "settings.html", who, "settings", sections=context(request).shown)


@router.get("/audit")
def audit(request: Request, who: Admin, page: Page = 1) -> Response:
    """Who did what."""
    found = reading.audit(context(request).store, PAGE_ROWS, (page - 1) * PAGE_ROWS)
    paging = Paging("/audit", {}, page, found.total)
    return framed(request, "audit.html", who, "audit", lines=found.entries, page=paging)


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
    return framed(request, "policies.html", who, "policies", **values)
