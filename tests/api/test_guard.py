from typing import Any

import httpx
import pytest

from flowml.api.guard import MAX_BODY_BYTES
from tests.api.running import Running, csrf


@pytest.fixture(scope="module")
def client(shared: Running) -> httpx.Client:
    return shared.logged_in()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[", "localhost:80@evil.example:80"]
)
def test_another_server_s_name_is_refused(client: httpx.Client, host: str) -> None:
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code in (400, 421)
    assert "incident" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.:8765", "127.0.0.1", "[::1]:9", "192.0.2.1"])
def test_localhost_and_addresses_are_ours(client: httpx.Client, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_change_that_another_site_asks_for_is_refused(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    answer = client.post("/preferences", data={"theme": "dark"}, headers=headers)
    assert answer.status_code == 403


def is_refused(client: httpx.Client, method: str, path: str, **body: Any) -> bool:
    """Whether a body is too long; the answer may be lost where one is still sent when the server hangs up."""
    try:
        return client.request(method, path, **body).status_code == 413
    except (httpx.WriteError, httpx.ReadError):
        return client.get("/api/v1/me").status_code == 200


def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(client: httpx.Client) -> None:
    long = b"x" * (MAX_BODY_BYTES + 1)
    kind = {"Content-Type": "application/json", "X-CSRF-Token": csrf(client)}
    assert is_refused(client, "PATCH", "/api/v1/incidents", content=long, headers=kind)
    assert is_refused(client, "PATCH", "/api/v1/incidents", content=iter([long]), headers=kind)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert is_refused(client, "POST", "/incidents", content=iter([b"csrf=", long]), headers=form)


def test_a_form_with_files_is_refused(client: httpx.Client) -> None:
    answer = client.post("/incidents", data={"csrf": csrf(client)}, files={"number": b"1"})
    assert answer.status_code == 415
    assert "without files" in answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["/", "/login", "/nothing", "/api/v1/me", "/static/dashboard.css", "/static/nothing"]
)
def test_every_answer_says_what_browsers_may_do_with_it(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers
    assert headers["cache-control"] == ("max-age=3600" if path.startswith("/static/") else "no-store")


def test_no_page_has_a_script_or_a_style_of_its_own(client: httpx.Client) -> None:
    for path in ("/", "/incidents", "/hosts", "/models", "/policies", "/settings", "/audit"):
        text = client.get(path).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick" not in text
        assert text.count("<script") == text.count("<script src=")
        assert "//cdn" not in text
