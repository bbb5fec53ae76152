"""The frame around every page: the sections, and who may see which of them."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from flowml.api import reading
from flowml.api.access import Visitor
from flowml.api.context import context
from flowml.api.paging import MAX_PAGES
from flowml.api.users import Role

_SECTIONS = (
    ("overview", "/", Role.VIEWER),
    ("incidents", "/incidents", Role.VIEWER),
    ("hosts", "/hosts", Role.VIEWER),
    ("models", "/models", Role.VIEWER),
    ("policies", "/policies", Role.VIEWER),
    ("settings", "/settings", Role.ADMIN),
    ("audit", "/audit", Role.ADMIN),
)
Page = Annotated[int, Query(ge=1, le=MAX_PAGES)]
Search = Annotated[str, Query(max_length=200)]
Done = Annotated[str, Query(pattern="^(changed|authorised|added|ended)?$")]


def framed(request: Request, template: str, who: Visitor, section: str, **values: Any) -> Response:
    """Fill a page, with the navigation as this visitor may use it."""
    known = context(request)
    frame = {
        "section": section,
        "navigation": [(name, href) for name, href, role in _SECTIONS if who.may(role)],
        "waiting": reading.waiting(known.store),
    }
    return known.renderer.page(request, template, {**frame, **values}, who)
