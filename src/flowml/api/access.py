"""Who asks, and whether they may: sessions of people, tokens of programs, roles, and forms that are ours."""

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from flowml.api.refusals import Refused
from flowml.api.sessions import Sessions
from flowml.api.users import Role, User, UserFile

COOKIE = "flowml_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"
LOCAL = "local"  # who has the token that was printed at start
_SAFE = ("GET", "HEAD")

_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="An API token: flowml dashboard add-token"
)
_cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, scheme_name="session", description="A browser's session"
)


class LoginNeeded(Exception):  # noqa: N818  # a turn of the road: pages show the login, the API answers 401
    """Nobody knows who asks."""


@dataclass(frozen=True)
class Visitor:
    """Who asks.

    Attributes
    ----------
    name : str
    role : Role
    csrf : str
        Comes back with every form; empty for programs, which no page can make ask.
    """

    name: str
    role: Role
    csrf: str = ""

    def may(self, role: Role) -> bool:
        """Whether they have at least this role."""
        return self.role >= role


class Entrance:
    """Knows who may come in.

    Parameters
    ----------
    sessions : Sessions
    users : UserFile or None
        None: one local administrator, who has `token`.
    token : str
        Printed at start; good for one login.
    """

    def __init__(self, sessions: Sessions, users: UserFile | None, token: str = "") -> None:
        self.sessions = sessions
        self.users = users
        self._token = token.encode()
        self._local = User(LOCAL, Role.ADMIN, "token")

    def enter(self, name: str, password: str) -> User | None:
        """Give who logs in with this name and password; None if nobody does."""
        return None if self.users is None else self.users.by_password(name, password)

    def enter_by_token(self, token: str) -> User | None:
        """Give the local administrator, once, for the token that was printed at start."""
        if self.users is not None or not self._token:
            return None
        if not hmac.compare_digest(self._token, token.encode("utf-8", "backslashreplace")):
            return None
        self._token = b""
        return self._local

    def begin(self, user: User) -> str:
        """Begin a session and give its token."""
        return self.sessions.begin(user.name, user.secret, now_ms())

    def by_session(self, token: str) -> Visitor | None:
        """Who has this session; nobody if they are gone from the file or have another password by now."""
        session = self.sessions.find(token, now_ms())
        if session is None:
            return None
        user = self._known(session.name)
        if user is None or user.secret != session.secret:
            return None
        return Visitor(user.name, user.role, session.csrf)

    def by_token(self, token: str) -> Visitor | None:
        """Which program has this API token."""
        program = None if self.users is None else self.users.by_token(token)
        return None if program is None else Visitor(program.name, program.role)

    def _known(self, name: str) -> User | None:
        if self.users is not None:
            return self.users.find(name)
        return self._local if name == LOCAL else None


def now_ms() -> int:
    """The clock of requests (epoch, ms)."""
    return time.time_ns() // 1_000_000


def entrance(request: Request) -> Entrance:
    """The entrance of this application."""
    return cast("Entrance", request.app.state.context.entrance)


def visitor(
    request: Request,
    bearer: Annotated[object, Depends(_bearer)],
    session: Annotated[str | None, Depends(_cookie)],
) -> Visitor:
    """Who asks.

    Raises
    ------
    LoginNeeded
        Nobody knows.
    """
    door = entrance(request)
    token = getattr(bearer, "credentials", None)
    found = door.by_token(token) if token else door.by_session(session) if session else None
    if found is None:
        raise LoginNeeded
    return found


async def _csrf_given(request: Request) -> str:
    header = request.headers.get(CSRF_HEADER)
    if header is not None:
        return header
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return str((await request.form()).get(CSRF_FIELD, ""))
    return ""


def at_least(role: Role) -> Callable[..., Awaitable[Visitor]]:
    """Make a dependency: who asks has at least this role, and what changes something is one of our forms."""

    async def allowed(request: Request, who: Annotated[Visitor, Depends(visitor)]) -> Visitor:
        if not who.may(role):
            raise Refused(403, "role", name=who.name, role=who.role.word, needed=role.word)
        if who.csrf and request.method not in _SAFE:
            given = (await _csrf_given(request)).encode("utf-8", "backslashreplace")
            if not hmac.compare_digest(given, who.csrf.encode()):
                raise Refused(403, "no_token", header=CSRF_HEADER)
        return who

    return allowed


Viewer = Annotated[Visitor, Depends(at_least(Role.VIEWER))]
Analyst = Annotated[Visitor, Depends(at_least(Role.ANALYST))]
Admin = Annotated[Visitor, Depends(at_least(Role.ADMIN))]
