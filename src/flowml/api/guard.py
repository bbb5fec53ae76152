"""What stands before every route: which requests are heard, and what every answer says of itself."""

import asyncio
import ipaddress
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024
_TOO_LONG = f"the body is longer than {MAX_BODY_BYTES} bytes"
_DRAINED_BYTES, _DRAIN_S = 1024 * 1024, 1.0
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})
_POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not heard."""

    status: int
    words: str


class Guard:
    """ASGI middleware.

    It refuses names that are not ours (DNS rebinding), changes that another site's page asked for, and bodies
    that are longer than any of ours or bring files; and it adds the headers that browsers take as rules.

    Parameters
    ----------
    app : ASGIApp
    hosts : iterable of str
        Names that are ours, beside ``localhost`` and addresses, which nobody can point elsewhere.
    is_encrypted : bool
        Browsers speak TLS: they shall never do otherwise.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], is_encrypted: bool) -> None:
        self._app = app
        self._hosts = frozenset({"localhost", *(host.lower().rstrip(".") for host in hosts)})
        self._headers = dict(_HEADERS)
        if is_encrypted:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hear a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), scope["path"])
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, _bounded(receive), guarded_send)
        else:
            await _refuse(refusal, receive, guarded_send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        names = headers.getlist("host")
        if len(names) != 1 or not self._is_ours(names[0]):
            return Refusal(
                421, "this is not the server of that name; see dashboard.hosts in the configuration"
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > MAX_BODY_BYTES:
            return Refusal(413, _TOO_LONG)
        if headers.get("content-type", "").strip().lower().startswith("multipart/"):
            # none of our forms sends files, which would stay open when their sender hangs up
            return Refusal(415, "expected JSON or a form without files (application/x-www-form-urlencoded)")
        if scope["method"] not in _SAFE and _is_foreign(headers, names[0]):
            return Refusal(403, "another site's page asked for a change")
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name.rstrip(".") in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _add_headers(self, headers: MutableHeaders, path: str) -> None:
        for name, value in self._headers.items():
            headers[name] = value
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = "max-age=3600" if path.startswith("/static/") else "no-store"


def _is_foreign(headers: Headers, host: str) -> bool:
    """Whether a browser says that the request comes from elsewhere; programs say nothing."""
    origin = headers.get("origin")
    if origin is not None and _host_of(origin) != host.lower():
        return True
    return headers.get("sec-fetch-site") in _FOREIGN_SITES


def _host_of(origin: str) -> str:
    """Host and port of an origin; nothing if it is none, as of a sandboxed page (``null``)."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _bounded(receive: Receive) -> Receive:
    """Count what arrives: a body need not say its length before."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LONG)
        return message

    return bounded


async def _drain(receive: Receive) -> None:
    """Take what is still being sent, within bounds.

    Who hangs up on bytes that nobody read resets the connection, and the answer is lost with it (RFC 9112,
    9.6).
    """
    seen = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while seen < _DRAINED_BYTES:
                message = await receive()
                seen += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


async def _refuse(refusal: Refusal, receive: Receive, send: Send) -> None:
    await _drain(receive)
    body = json.dumps({"error": refusal.words}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": refusal.status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
