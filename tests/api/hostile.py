"""Hostile requests: `python -m tests.api.hostile --requests N` sends N and says what came back."""

import argparse
import random
import re
import socket
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from tests.api.running import Running, csrf, write_config
from tests.api.stored import store

MARK = "<x-mark onload=1>"
PATHS = (
    "/", "/login", "/logout", "/preferences", "/incidents", "/incidents/1", "/incidents/1/authorise",
    "/hosts", "/models", "/policies", "/policies/1/end", "/settings", "/audit", "/static/dashboard.css",
    "/api/v1/me", "/api/v1/overview", "/api/v1/beats", "/api/v1/incidents", "/api/v1/incidents/1",
    "/api/v1/incidents.csv", "/api/v1/hosts", "/api/v1/policies", "/api/v1/audit", "/api/v1/openapi.json",
)  # fmt: skip
METHODS = (
    "GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "X" * 200, "G\0T",
)  # fmt: skip
NASTY = (
    MARK, "'\"><script>alert(1)</script>", "../../../../etc/passwd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5c", "\x00", "\x1b[31m", "\u202e", "\ud800", "\r\nX-Injected: 1", "{{7*7}}", "${7*7}", "%",
    "' OR 1=1 --", "-1", "0", "9" * 400, "1e999", "NaN", "null", "[]", "a" * 5000, "\U0001f4a9" * 100,
    "%00", "%ff%fe", "=cmd|'!A0", "1;2",
)  # fmt: skip
FIELDS = (
    "search", "state", "since", "host", "page", "done", "limit", "offset", "since_ms", "points", "next",
    "token", "name", "password", "number", "owner", "note", "reason", "until", "network", "theme",
    "language", "csrf",
)  # fmt: skip
KINDS = (
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain",
    "", "multipart/form-data", "application/json; charset=utf-7", "application/xml", MARK,
)  # fmt: skip
HEADERS = (
    "Accept-Language", "Origin", "X-Forwarded-For", "Range", "Authorization", "HX-Request",
    "Transfer-Encoding", "Expect", "Upgrade", "If-Modified-Since", "Cookie",
)  # fmt: skip
STATES = ('"new"', "[" * 3000, '{"a":' * 2000, "1e999", '"\\ud800"', "null", "[1]", '"<b>"')
NUMBERS = ("[1]", "[]", "[0]", "1", "[1e400]")
_TOO_LONG_S = 60


class Hostility:
    """Draws requests.

    Parameters
    ----------
    seed : int
    place : str
        Host and port, as browsers send it.
    session, token : str
        Of somebody who has logged in: half of the requests have them.
    """

    def __init__(self, seed: int, place: str, session: str, token: str) -> None:
        self._random = random.Random(seed)
        self._place = place
        self._session = session
        self._token = token

    def request(self) -> tuple[bytes, bool]:
        """One request, and whether all of it is there."""
        draw = self._random
        method = draw.choice(METHODS if draw.random() < 0.1 else ("GET", "GET", "GET", "POST", "PATCH"))
        body = self._body()
        lines = [
            f"{method} {self._target()} {draw.choice(('HTTP/1.1',) * 60 + ('HTTP/1.0', 'HTTP/9.9', ''))}"
        ]
        length = draw.choice((len(body),) * 40 + (0, -1, 10**12, "x", len(body) + 5))
        lines += ["Connection: close", f"Content-Length: {length}", *self._headers()]
        head = "\r\n".join(lines) + "\r\n\r\n"
        raw = head.encode("utf-8", "surrogatepass") + body
        is_broken = draw.random() < 0.1
        return self._broken(raw) if is_broken else raw, not is_broken and length != len(body) + 5

    def _target(self) -> str:
        draw = self._random
        path = (
            draw.choice(PATHS)
            if draw.random() < 0.8
            else "/" + quote(draw.choice(NASTY).encode("utf-8", "surrogatepass"))
        )
        if draw.random() < 0.1:
            path += draw.choice(("/", "//", "/..;/", "/%2e%2e", "?", "#x", ";x", " x"))
        fields = draw.sample(FIELDS, draw.randrange(4))
        query = "&".join(f"{name}={self._quoted()}" for name in fields)
        return f"{path}?{query}" if query else path

    def _quoted(self) -> str:
        text = self._random.choice(NASTY)
        return quote(text.encode("utf-8", "surrogatepass")) if self._random.random() < 0.9 else "%zz%"

    def _headers(self) -> list[str]:
        draw = self._random
        host = self._place if draw.random() < 0.97 else draw.choice(("evil.example", "", "[", MARK))
        headers = [f"Host: {host}"]
        if draw.random() < 0.8:
            headers += [f"Cookie: flowml_session={self._session}; theme={MARK}; language=../en"]
        if draw.random() < 0.8:
            headers += [f"X-CSRF-Token: {self._token}"]
        if draw.random() < 0.7:
            headers += [f"Content-Type: {draw.choice(KINDS)}"]
        for name in draw.sample(HEADERS, draw.choice((0, 0, 0, 1, 2, 3))):
            headers += [f"{name}: {draw.choice(NASTY)[:3000]}".replace("\r\n", " ").replace("\0", " ")]
        if draw.random() < 0.03:
            headers += [f"X-{number}: {'y' * 300}" for number in range(100)]
        return headers

    def _body(self) -> bytes:
        draw = self._random
        shape = draw.randrange(6)
        pick = self._random.choice
        if shape == 0:
            return b""
        if shape == 1:
            return "&".join(f"{pick(FIELDS)}={self._quoted()}" for _ in range(draw.randrange(1, 6))).encode()
        if shape == 2:
            state, note = pick(STATES), pick(STATES)
            return f'{{"numbers": {pick(NUMBERS)}, "state": {state}, "note": {note}}}'.encode()
        if shape == 3:
            return draw.randbytes(draw.randrange(2000))
        if shape == 4:
            return b"A" * draw.choice((65_535, 65_537, 200_000))
        disposition = f'form-data; name="{pick(FIELDS)}"; filename="{MARK}"'
        part = f"--x\r\nContent-Disposition: {disposition}\r\n\r\n{pick(NASTY)[:100]}\r\n"
        return (part * draw.randrange(1, 30) + "--x--").encode("utf-8", "surrogatepass")

    def _broken(self, raw: bytes) -> bytes:
        """Flip or cut some bytes: no request any more."""
        draw = self._random
        if draw.random() < 0.5:
            return raw[: draw.randrange(len(raw))]
        changed = bytearray(raw)
        for _ in range(draw.randrange(1, 20)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        return bytes(changed)


def exchange(address: tuple[str, int], request: bytes, is_whole: bool) -> bytes:
    """Send bytes and read the answer; say that no more come if the other side would wait for them."""
    with socket.create_connection(address, _TOO_LONG_S) as connection:
        try:
            connection.sendall(request)
            if not is_whole:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))
        except TimeoutError:
            return b"nothing within a minute"
        except OSError:
            return b""  # a server may hang up on what is no HTTP


def problem_of(answer: bytes) -> str:
    """What is wrong with an answer; nothing if it is one, or if the server has hung up."""
    if not answer:
        return ""
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
    if found is None:
        return f"no HTTP: {answer[:80]!r}"
    if found[1].startswith(b"5"):
        return f"status {found[1].decode()}"
    if b"\nx-injected" in head.lower():
        return "a header was injected"
    if MARK.encode() in body and b"text/html" in head.lower():
        return "a mark came back as it was sent"
    return ""


def attack(dashboard: Running, requests: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Send requests; give how often each status came back, and what was wrong."""
    client = dashboard.logged_in()
    host, _, port = dashboard.url.removeprefix("http://").partition(":")
    drawn = Hostility(seed, f"{host}:{port}", client.cookies["flowml_session"], csrf(client))
    statuses: Counter[str] = Counter()
    problems = []
    while (number := statuses.total()) < requests:
        request, is_whole = drawn.request()
        if b"/logout" in request[:300]:
            continue  # a real log-out, with its token, would end what the others need
        answer = exchange((host, int(port)), request, is_whole)
        statuses[answer[9:12].decode("ascii", "replace") or "hung up"] += 1
        problem = problem_of(answer)
        if problem:
            problems.append(f"request {number}: {problem}: {request[:200]!r}")
    if client.get("/incidents").status_code != 200:
        problems.append("the dashboard does not answer any more")
    return statuses, problems


def main() -> None:
    """Send hostile requests and print what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = write_config(Path(folder))
        store(Path(folder) / "state", 1, server=MARK)
        began = time.monotonic()
        with Running(config) as dashboard:
            statuses, problems = attack(dashboard, asked.requests, asked.seed)
            trouble = dashboard.stop()
    took_s = time.monotonic() - began
    print(f"{statuses.total()} hostile requests in {took_s:.0f} s: {len(problems)} problems")
    print(", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
    print(*problems[:20], sep="\n")
    sys.exit(bool(problems) or "Traceback" in trouble)


if __name__ == "__main__":
    main()
