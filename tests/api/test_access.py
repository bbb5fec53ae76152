import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flowml.api.attempts import MAX_FAILURES
from flowml.api.passwords import hash_password, hash_token
from flowml.api.users import Role, User, add
from tests.api.running import Running, csrf, write_config
from tests.processes import ENVIRONMENT, FLOWML, flowml

PASSWORD = "correct horse battery"  # noqa: S105  # of this test


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("users")
    for role in Role:
        add(folder / "users", User(role.word, role, hash_password(PASSWORD)))
        add(folder / "users", User(f"{role.word}-program", role, hash_token(f"token of {role.word}")))
    return folder


@pytest.fixture(scope="module")
def dashboard(folder: Path) -> Iterator[Running]:
    with Running(write_config(folder, 'users = "users"')) as running:
        yield running


def log_in(dashboard: Running, name: str, password: str = PASSWORD) -> httpx.Client:
    client = dashboard.client()
    client.post("/login", data={"name": name, "password": password})
    return client


def test_nobody_sees_anything_without_logging_in(dashboard: Running) -> None:
    client = dashboard.client()
    for path in (
        "/",
        "/incidents",
        "/incidents/1",
        "/hosts",
        "/models",
        "/policies",
        "/settings",
        "/audit",
        "/events",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login"), path
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    for path, calls in paths.items():
        for method in calls:
            answer = client.request(method, path.replace("{number}", "1"))
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"


def test_after_logging_in_one_is_where_one_wanted_to_be(dashboard: Running) -> None:
    client = dashboard.client()
    sent = client.get("/incidents?state=new").headers["location"]
    assert sent == "/login?next=/incidents%3Fstate%3Dnew"
    there = client.post(
        "/login", data={"name": "viewer", "password": PASSWORD, "next": "/incidents?state=new"}
    )
    assert there.headers["location"] == "/incidents?state=new"
    cookie = there.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\r\nb"]
)
def test_a_login_leads_nowhere_else(dashboard: Running, wanted: str) -> None:
    client = dashboard.client()
    answer = client.post("/login", data={"name": "viewer", "password": PASSWORD, "next": wanted})
    assert answer.headers["location"] == "/"


def test_roles_may_what_they_may(dashboard: Running) -> None:
    question = {"numbers": [999], "state": "closed"}
    policy = {"network": "10.0.0.0/8", "reason": "x", "owner": "x", "until_ms": 1}
    allowed = {}
    for role in ("viewer", "analyst", "admin"):
        client = dashboard.client(Authorization=f"Bearer token of {role}")
        assert client.get("/api/v1/me").json() == {"name": f"{role}-program", "role": role}
        allowed[role] = [
            client.get("/api/v1/incidents").status_code != 403,
            client.patch("/api/v1/incidents", json=question).status_code != 403,
            client.post("/api/v1/policies", json=policy).status_code != 403,
            client.get("/api/v1/audit").status_code != 403,
            client.get("/settings").status_code != 403,
        ]
    assert allowed == {
        "viewer": [True, False, False, False, False],
        "analyst": [True, True, False, False, False],
        "admin": [True, True, True, True, True],
    }


def test_a_session_changes_nothing_without_its_own_token(dashboard: Running) -> None:
    client = log_in(dashboard, "admin")
    question = {"numbers": [1], "state": "closed"}
    assert client.patch("/api/v1/incidents", json=question).status_code == 403
    other = csrf(log_in(dashboard, "analyst"))
    assert (
        client.patch("/api/v1/incidents", json=question, headers={"X-CSRF-Token": other}).status_code == 403
    )
    assert (
        client.post("/incidents", data={"state": "closed", "number": "1", "csrf": other}).status_code == 403
    )
    assert client.post("/logout", data={}).status_code == 403
    assert client.get("/").status_code == 200


def test_who_logs_out_is_out(dashboard: Running) -> None:
    client = log_in(dashboard, "viewer")
    session = dict(client.cookies)
    assert client.post("/logout", data={"csrf": csrf(client)}).status_code == 303
    assert httpx.get(f"{dashboard.url}/", cookies=session, timeout=60).status_code == 303


def test_a_new_password_ends_sessions_and_a_removed_user_is_out(dashboard: Running, folder: Path) -> None:
    add(folder / "users", User("leaving", Role.VIEWER, hash_password(PASSWORD)))
    client = log_in(dashboard, "leaving")
    assert client.get("/").status_code == 200
    add(folder / "users", User("leaving", Role.VIEWER, hash_password("another password")))
    assert client.get("/").status_code == 303
    client = log_in(dashboard, "leaving", "another password")
    assert client.get("/").status_code == 200
    config = folder / "flowml.toml"
    assert flowml("dashboard", "--config", config, "remove-user", "leaving").returncode == 0
    assert client.get("/").status_code == 303


def test_who_guesses_passwords_has_to_wait_and_stands_in_the_log(folder: Path) -> None:
    with Running(write_config(folder, 'users = "users"')) as dashboard:
        client = dashboard.client()
        guess = {"name": "admin", "password": "guess", "next": "/"}
        assert [client.post("/login", data=guess).status_code for _ in range(MAX_FAILURES)] == [
            403
        ] * MAX_FAILURES
        answer = client.post("/login", data={**guess, "password": PASSWORD})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 600
        program = dashboard.client(Authorization="Bearer token of admin")
        entries = program.get("/api/v1/audit", params={"limit": MAX_FAILURES}).json()["entries"]
        assert [(entry["who"], entry["action"], entry["target"]) for entry in entries] == [
            ("admin", "login failed", "127.0.0.1")
        ] * MAX_FAILURES
        assert "failed login as 'admin' from 127.0.0.1" in dashboard.stop()


def test_the_printed_token_is_good_for_one_login(running: Running) -> None:
    first, second = (running.client() for _ in range(2))
    assert first.get("/login", params={"token": "x" + running.token}).status_code == 403
    assert first.get("/login", params={"token": running.token}).headers["location"] == "/"
    assert second.get("/login", params={"token": running.token}).status_code == 403
    assert first.get("/").status_code == 200


def test_users_and_programs_are_added_on_the_command_line(tmp_path: Path) -> None:
    config = write_config(tmp_path, 'users = "users"')
    done = subprocess.run(
        [*FLOWML, "dashboard", "--config", str(config), "add-user", "mika", "--role", "admin"],
        input=PASSWORD, capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"mika is admin: {tmp_path / 'users'}\n")
    program = flowml("dashboard", "--config", config, "add-token", "export", "--role", "viewer")
    with Running(config) as dashboard:
        assert log_in(dashboard, "mika").get("/audit").status_code == 200
        header = {"Authorization": f"Bearer {program.stdout.strip()}"}
        assert httpx.get(f"{dashboard.url}/api/v1/me", headers=header, timeout=60).json()["name"] == "export"


def test_a_short_password_is_one_line(tmp_path: Path) -> None:
    config = write_config(tmp_path, 'users = "users"')
    done = subprocess.run(
        [*FLOWML, "dashboard", "--config", str(config), "add-user", "mika"],
        input="short", capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "flowml: password: got 5 characters, expected 10 to 1024\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_although_a_page_is_open(running: Running, number: int) -> None:
    with running.logged_in().stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        running.process.send_signal(number)
        assert list(lines) == [""]
    assert running.process.wait(timeout=60) == 0
    assert running.stop() == ""
