"""Pages in a real Chromium."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from flowml.api.passwords import hash_password
from flowml.api.users import Role, User, add
from flowml.lab.casting import actor_named
from flowml.lab.scenario import Cast, Scenario
from flowml.lab.simulation.stage import simulate_capture
from tests.api.running import Running, write_config
from tests.api.stored import store
from tests.processes import start_flowml

WAIT_MS = 60_000
PATHS = ("/", "/incidents", "/incidents/1", "/hosts", "/models", "/policies", "/settings", "/audit")
PASSWORD = "correct horse battery"  # noqa: S105  # of this test
MINER = "10.77.0.2"  # the lab's second host
HOSTILE = "<img src=x onerror=alert(1)>\"'</script>\x1b[31m\u202e{{7*7}}"


class Visit:
    """A window of the browser that remembers what went wrong in it."""

    def __init__(self, context: BrowserContext) -> None:
        context.set_default_timeout(WAIT_MS)
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on(
            "console",
            lambda said: self.problems.append(said.text) if said.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(dialog.message))


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    context = browser.new_context(locale="en-GB", timezone_id="UTC")
    yield Visit(context)
    context.close()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three minutes of one of the lab's miners, whom the model that comes with flowml is sure of."""
    path = tmp_path_factory.mktemp("recording") / "monero.pcap.zst"
    actor = replace(actor_named("monero"), clients=(1, 1))
    pool = Scenario("monero", "a pool", (Cast(actor),), 180.0, lead_s=2.0, early_ratio=0.0, arrivals_s=1.0)
    with ThreadPoolExecutor(1) as other:  # the browser has this thread's event loop
        other.submit(simulate_capture, pool, path, 4, 180.0, time.time()).result()
    return path


@pytest.mark.parametrize(
    ("locale", "state", "action", "acknowledged"),
    [("en-GB", "New", "Acknowledge", "Acknowledged"), ("ja-JP", "新規", "対応を始める", "対応中")],
)
def test_an_incident_appears_while_a_miner_mines_is_marked_and_stays_so_after_a_restart(
    browser: Browser,
    running: Running,
    recording: Path,
    tmp_path: Path,
    locale: str,
    state: str,
    action: str,
    acknowledged: str,
) -> None:
    context = browser.new_context(locale=locale)
    visit = Visit(context)
    page = visit.page
    page.goto(f"{running.url}/login?token={running.token}")
    page.goto(f"{running.url}/incidents")
    expect(page.locator(".live")).to_have_attribute("data-state", "on", timeout=WAIT_MS)
    page.evaluate("window.still = 'the same page'")
    sensor = start_flowml(
        "live", "--config", tmp_path / "flowml.toml", "--replay", recording, "--speed", "60"
    )
    row = page.locator("tbody tr")
    expect(row).to_contain_text(MINER, timeout=2 * WAIT_MS)
    expect(row).to_contain_text(state)
    expect(page.locator("#count")).to_contain_text("1")
    assert page.evaluate("window.still") == "the same page"

    page.get_by_role("link", name=MINER).click()
    expect(page.locator("#evidence svg.strip")).to_be_visible()
    page.get_by_role("button", name=action, exact=True).click()
    expect(page.locator("#state-now")).to_have_text(acknowledged)
    assert "1 tagged as mining" in sensor.communicate(timeout=120)[0]
    assert sensor.returncode == 0
    assert visit.problems == []
    running.stop()
    running.start()
    page.goto(f"{running.url}/incidents/1")
    page.goto(f"{running.url}/login?token={running.token}") if running.token in page.url else None
    expect(page.locator("#state-now")).to_have_text(acknowledged)
    context.close()


def test_a_filter_and_a_bulk_change_need_neither_a_mouse_nor_a_reload(
    visit: Visit, running: Running, tmp_path: Path
) -> None:
    for number in range(1, 4):
        store(tmp_path / "state", number, f"10.0.0.{number}", f"pool-{number}.example")
    page = visit.page
    page.goto(f"{running.url}/login?token={running.token}")
    page.goto(f"{running.url}/incidents")
    page.evaluate("window.still = 'the same page'")
    expect(page.locator(".bulk")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_label("Pick the incident of 10.0.0.2").focus()
    page.keyboard.press("Space")
    expect(page.locator(".bulk .said")).to_have_text("1 picked")
    page.get_by_label("Pick all on this page").focus()
    page.keyboard.press("Space")
    expect(page.locator(".bulk .said")).to_have_text("3 picked")
    page.get_by_role("button", name="False alarm").focus()
    page.keyboard.press("Enter")
    expect(page.locator("tbody .chip[data-state=false_alarm]")).to_have_count(3)
    page.get_by_role("searchbox").fill("pool-3")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.evaluate("window.still") == "the same page"
    assert "search=pool-3" in page.url
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert visit.problems == []


def test_what_somebody_has_picked_stays_picked_while_others_appear(
    visit: Visit, running: Running, tmp_path: Path
) -> None:
    store(tmp_path / "state", 1)
    page = visit.page
    page.goto(f"{running.url}/login?token={running.token}")
    page.goto(f"{running.url}/incidents")
    expect(page.locator(".live")).to_have_attribute("data-state", "on", timeout=WAIT_MS)
    page.get_by_label("Pick the incident").check()
    store(tmp_path / "state", 2, "10.0.0.3", "other.example")
    expect(page.locator("#count")).to_contain_text("2", timeout=WAIT_MS)
    expect(page.locator("tbody input:checked")).to_have_count(1)
    page.get_by_label("Pick the incident").uncheck()
    store(tmp_path / "state", 3, "10.0.0.4", "third.example")
    expect(page.locator("tbody tr")).to_have_count(3, timeout=WAIT_MS)


def test_names_from_packets_are_text_and_nothing_else(visit: Visit, running: Running, tmp_path: Path) -> None:
    store(tmp_path / "state", 1, "10.0.0.2", HOSTILE)
    page = visit.page
    page.goto(f"{running.url}/login?token={running.token}")
    for path in PATHS:
        page.goto(running.url + path)
        expect(page.locator("main")).to_be_visible()
        assert page.locator("main img").count() == 0
    page.goto(f"{running.url}/incidents/1")
    shown = page.locator(".head p").nth(1).inner_text()
    assert shown == "→ <img src=x onerror=alert(1)>\"'</script>\\x1b[31m\\u202e{{7*7}}:3333"
    assert visit.problems == []


@pytest.mark.parametrize("width", [360, 1920])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page_fits_into_a_phone_and_onto_a_wall(
    browser: Browser, running: Running, tmp_path: Path, width: int, language: str
) -> None:
    store(tmp_path / "state", 1, "2001:db8:85a3:1234:5678:8a2e:370:7334", "b" * 200)
    context = browser.new_context(
        locale=language, viewport={"width": width, "height": 900}, color_scheme="dark"
    )
    visit = Visit(context)
    visit.page.goto(f"{running.url}/login?token={running.token}")
    for path in PATHS:
        visit.page.goto(running.url + path)
        expect(visit.page.locator("main h1")).to_be_visible()
        assert visit.page.locator("html").get_attribute("lang") == language
        over = visit.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over <= 0, f"{path} is {over} pixels wider than {width}"
    assert visit.problems == []
    context.close()


def test_theme_and_language_are_chosen_and_kept(visit: Visit, running: Running) -> None:
    page = visit.page
    page.goto(f"{running.url}/login?token={running.token}")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    page.wait_for_url(f"{running.url}/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.get_by_role("button", name="日本語").click()
    expect(page.locator("h1")).to_have_text("概要")
    page.goto(f"{running.url}/hosts")
    expect(page.locator("h1")).to_have_text("ホスト")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert visit.problems == []


def log_in(page: Page, running: Running, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


@pytest.fixture(scope="module")
def with_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("users")
    for name, role in (("mika", Role.ADMIN), ("guest", Role.VIEWER)):
        add(folder / "users", User(name, role, hash_password(PASSWORD)))
    config = write_config(folder, 'users = "users"')
    store(folder / "state", 1)
    with Running(config) as running:
        yield running


def test_a_person_logs_in_works_on_an_incident_and_logs_out(visit: Visit, with_users: Running) -> None:
    page = visit.page
    page.goto(f"{with_users.url}/incidents/1")
    log_in(page, with_users, "mika")
    assert page.url == f"{with_users.url}/incidents/1"
    page.get_by_label("Owner").fill("mika")
    page.get_by_label("Note").fill("A student's project.\n<b>Stops</b> tonight.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#history")).to_contain_text("<b>Stops</b> tonight.")
    expect(page.locator("#facts")).to_contain_text("mika")
    page.get_by_role("link", name="Audit log").click()
    expect(page.locator("main")).to_contain_text("changed incidents")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert visit.problems == []


def test_mining_is_authorised_and_that_is_ended(visit: Visit, with_users: Running) -> None:
    page = visit.page
    page.goto(f"{with_users.url}/incidents/1")
    log_in(page, with_users, "mika")
    page.locator("summary").get_by_text("Authorise this mining").click()
    page.get_by_label("Reason").fill("Agreed with the dean")
    page.get_by_role("button", name="Authorise this mining").click()
    expect(page.locator("#state-now")).to_have_text("Authorised")
    page.get_by_role("link", name="Authorised mining").click()
    expect(page.locator("main")).to_contain_text("Agreed with the dean")
    page.get_by_role("button", name="End the policy of 10.0.0.2/32").click()
    expect(page.locator("main tbody .chip")).to_have_text("Ended")
    assert visit.problems == []


def test_who_may_only_look_sees_no_buttons(visit: Visit, with_users: Running) -> None:
    page = visit.page
    page.goto(f"{with_users.url}/login")
    log_in(page, with_users, "guest")
    page.goto(f"{with_users.url}/incidents/1")
    assert page.locator("main button").count() == 0
    assert not re.search("Settings|Audit log", page.locator(".nav").inner_text())
    page.goto(f"{with_users.url}/incidents")
    assert page.locator("main input[type=checkbox]").count() == 0
