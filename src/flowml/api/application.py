"""The application: routes, errors and the guard before them, put together."""

import secrets
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp  # noqa: TC002  # of an attribute

from flowml.api import door, events, incident_pages, pages, rest
from flowml.api.access import Entrance, LoginNeeded
from flowml.api.context import Context, Stores, context
from flowml.api.guard import Guard
from flowml.api.refusals import REFUSALS
from flowml.api.rendering import Renderer, language_of
from flowml.api.sessions import Sessions
from flowml.api.settings import DashboardSettings
from flowml.api.users import UserFile
from flowml.detections.sentence import Sentence, say
from flowml.errors import FlowmlError

API = "/api/"
SESSIONS_FILE = "sessions.db"


class Dashboard:
    """The dashboard of a state folder.

    Parameters
    ----------
    folder : Path
        Where the sensor keeps its state.
    settings : DashboardSettings
    shown : mapping
        All settings, as they are shown.
    evidence : Path, optional
        Where the sensor keeps headers of packets; by default it keeps none.

    Raises
    ------
    FlowmlError
        The folder, the database in it or the file of users cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        settings: DashboardSettings,
        shown: Mapping[str, Mapping[str, str]],
        evidence: Path | None = None,
    ) -> None:
        users = None if settings.users is None else UserFile(settings.users)
        self._token = "" if users is not None else secrets.token_urlsafe(24)
        stores = Stores(folder)
        stores.get()  # what cannot be opened is told now
        if users is not None:
            users.users()
        self._sessions = Sessions(folder / SESSIONS_FILE)
        entrance = Entrance(self._sessions, users, self._token)
        self._settings = settings
        self._context = Context(settings, shown, entrance, Renderer(_version()), stores, evidence)
        app = make_app()
        app.state.context, app.state.pulse = self._context, events.Pulse(self._context)
        self.app: ASGIApp = Guard(app, settings.hosts, settings.is_encrypted)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sessions.close()
        self._context.stores.close()

    def leave(self) -> None:
        """Let go of open pages: the server ends."""
        self._context.leaving.set()

    def greeting(self, port: int) -> list[str]:
        """What is told at start: where it is, and how to get in."""
        host = f"[{self._settings.listen}]" if ":" in self._settings.listen else self._settings.listen
        place = f"{'https' if self._settings.tls_certificate else 'http'}://{host}:{port}/"
        if not self._token:
            return [f"dashboard: {place}"]
        return [
            f"dashboard: {place}login?token={self._token}",
            "the token is good for one login; set dashboard.users for more than one person",
        ]


def make_app() -> FastAPI:
    """Put routes and errors together, without the guard and without what they need to answer."""
    app = FastAPI(
        title="flowml",
        version=_version(),
        description="Incidents, health and models of a flowml sensor.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
    )
    app.mount("/static", StaticFiles(directory=str(files("flowml.api") / "static")), "static")
    for router in (door.router, events.router, pages.router, incident_pages.router, rest.router):
        app.include_router(router)
    app.add_exception_handler(LoginNeeded, _login_needed)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(FlowmlError, _not_available)
    app.add_exception_handler(Exception, _went_wrong)
    return app


def _version() -> str:
    try:
        return version("flowml")
    except PackageNotFoundError:
        return "source"


def _login_needed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    if not request.url.path.startswith(API):
        return door.login_instead(request)
    return _say(
        request,
        401,
        Sentence("not logged in; send a session or Authorization: Bearer TOKEN"),
        {"WWW-Authenticate": "Bearer"},
    )


def _refused(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    said = getattr(error, "said", None) or Sentence(str(getattr(error, "detail", "")))
    return _say(request, status, said, getattr(error, "headers", None))


def _not_valid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in found[:20]]
    return _say(request, 422, Sentence("the request is not what was expected"), problems=problems)


def _not_available(request: Request, error: Exception) -> Response:
    said = say(REFUSALS, "refused.no_database", why=str(error))
    return _say(request, 503, said, {"Retry-After": "5"})


def _went_wrong(request: Request, error: Exception) -> Response:  # noqa: ARG001  # uvicorn tells the log
    return _say(request, 500, say(REFUSALS, "refused.went_wrong"))


def _say(
    request: Request,
    status: int,
    said: Sentence,
    headers: Mapping[str, str] | None = None,
    problems: list[str] | None = None,
) -> Response:
    """Answer with what was wrong, for programs or for people."""
    if request.url.path.startswith(API):
        content: dict[str, Any] = {"error": said.text, "problems": problems or []}
        response: Response = _Escaped(content, status)
    else:
        told = language_of(request).say(said)
        values = {"status": status, "told": told, "problems": problems or []}
        response = context(request).renderer.page(request, "error.html", values, status=status)
    response.headers.update(headers or {})
    return response


class _Escaped(JSONResponse):
    """JSON in ASCII: what was asked may be echoed, lone surrogates included."""

    def render(self, content: Any) -> bytes:
        import json

        return json.dumps(content).encode("ascii")
