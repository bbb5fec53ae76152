"""Forms: what pages send, checked as the API checks its bodies."""

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from flowml.api import answers, reading
from flowml.api.access import Visitor, now_ms
from flowml.api.context import context
from flowml.api.rendering import language_of

_Question = TypeVar("_Question", bound=BaseModel)


def change(request: Request, who: Visitor, wanted: Mapping[str, Any]) -> None:
    """Change incidents as a form asks; 422 if it asks for what there is not."""
    question = _asked(answers.ChangeQuestion, wanted)
    reading.change(context(request).store, question, who.name, now_ms())


def policy(request: Request, given: Mapping[str, str]) -> answers.PolicyQuestion:
    """Give the policy that a form describes, which ends with a day; 422 if it is none."""
    try:
        until = datetime.strptime(given["until"], "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
        until_ms = int(until.timestamp() * 1000)
    except (ValueError, OverflowError):
        until_ms = 0
    if until_ms <= now_ms():
        raise HTTPException(422, language_of(request)("policy.past"))
    try:
        ipaddress.ip_network(given["network"].strip(), strict=False)
    except ValueError as error:
        raise HTTPException(422, language_of(request)("policy.no_network")) from error
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


def whole(text: str) -> int:
    """A number of a form; 0, which is none of an incident, if it is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else 0
