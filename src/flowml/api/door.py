"""The door: logging in and out, and what a browser remembers of its reader."""

import sys
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from flowml.api.access import COOKIE, Viewer, entrance, now_ms
from flowml.api.context import Context, context
from flowml.api.language import LANGUAGES
from flowml.api.rendering import THEMES, language_of
from flowml.api.sessions import LIFE_MS
from flowml.api.users import User
from flowml.sinks.text import printable

router = APIRouter(include_in_schema=False)
_NO_NAME = ""  # a token needs none
_YEAR_S = 365 * 24 * 3600


def local_path(wanted: str) -> str:
    """A place on this server to go on to; the first page if it is anything else."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return "/"
    inside = (
        wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/login")) and wanted.isprintable()
    )
    return wanted if inside and not parts.scheme and not parts.netloc else "/"


def client_address(request: Request) -> str:
    """Who is at the other end; behind a proxy what that says last: entries before it are hearsay."""
    settings = context(request).settings
    forwarded = request.headers.get("x-forwarded-for", "") if settings.behind_proxy else ""
    said = forwarded.rpartition(",")[2].strip()[:64]
    return said or (request.client.host if request.client else "unknown")


@router.get("/login")
def show_login(request: Request, token: str = "", next: str = "/") -> Response:  # noqa: A002
    """Show the form, or let in whoever brings the token that was printed at start."""
    if token:
        return _attempt(request, _NO_NAME, token, next)
    return _form(request, next)


@router.post("/login")
def log_in(
    request: Request,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    token: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=2048)] = "/",  # noqa: A002
) -> Response:
    """Let somebody in."""
    if entrance(request).users is None:
        return _attempt(request, _NO_NAME, token, next)
    return _attempt(request, name, password, next)


def _attempt(request: Request, name: str, secret: str, wanted: str) -> Response:
    known, words = context(request), language_of(request)
    attempts = known.attempts
    keys = [f"from {client_address(request)}", *([f"as {name}"] if name else [])]
    wait_ms = attempts.wait_ms(keys, now_ms())
    if wait_ms:
        response = _form(request, wanted, words("login.wait", minutes=-(-wait_ms // 60_000)), name, 429)
        response.headers["Retry-After"] = str(-(-wait_ms // 1000))
        return response
    door = entrance(request)
    user = door.enter(name, secret) if name else door.enter_by_token(secret)
    if user is None:
        attempts.failed(keys, now_ms())
        _tell_failure(known, name, client_address(request))
        return _form(request, wanted, words("login.wrong"), name, 403)
    attempts.succeeded(keys)
    return _let_in(request, user, wanted)


def _let_in(request: Request, user: User, wanted: str) -> Response:
    known = context(request)
    known.audit(user.name, "login", client_address(request))
    response = RedirectResponse(local_path(wanted), 303)
    response.set_cookie(
        COOKIE,
        known.entrance.begin(user),
        max_age=LIFE_MS // 1000,
        httponly=True,
        samesite="strict",
        secure=known.settings.is_encrypted,
    )
    return response


def _tell_failure(known: Context, name: str, address: str) -> None:
    known.audit(printable(name) or "-", "login failed", printable(address))
    print(
        f"flowml: dashboard: failed login as {printable(name)!r} from {printable(address)}",
        file=sys.stderr,
        flush=True,
    )


def _form(request: Request, wanted: str, problem: str = "", name: str = "", status: int = 200) -> Response:
    by_token = entrance(request).users is None
    values = {"problem": problem, "next": local_path(wanted), "by_token": by_token, "name": name}
    return context(request).renderer.page(request, "login.html", values, status=status)


@router.post("/logout")
def log_out(request: Request, who: Viewer) -> Response:
    """End this session."""
    entrance(request).sessions.end(request.cookies.get(COOKIE, ""))
    context(request).audit(who.name, "logout", client_address(request))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


@router.post("/preferences")
def prefer(
    request: Request,
    theme: Annotated[str, Form(max_length=8)] = "",
    language: Annotated[str, Form(max_length=8)] = "",
    next: Annotated[str, Form(max_length=2048)] = "/",  # noqa: A002
) -> Response:
    """Remember, in this browser alone, how its reader likes pages."""
    goal = "/login" if next.startswith("/login") else local_path(next)
    response = RedirectResponse(goal, 303)
    for name, value, known in (("theme", theme, THEMES), ("language", language, LANGUAGES)):
        if value in known:
            response.set_cookie(
                name,
                value,
                max_age=_YEAR_S,
                httponly=True,
                samesite="strict",
                secure=context(request).settings.is_encrypted,
            )
    return response


def login_instead(request: Request) -> Response:
    """Send whoever is not known to the login, and back to where they wanted to go."""
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = local_path(here) if request.method == "GET" else "/"
    return RedirectResponse("/login" if wanted == "/" else f"/login?next={quote(wanted)}", 303)
