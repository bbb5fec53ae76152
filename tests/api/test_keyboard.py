"""Every page with nothing but a keyboard, in a real Chromium."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.running import Running
from tests.api.stored import store

PATHS = ("/", "/incidents", "/incidents/1", "/hosts", "/models", "/policies", "/settings", "/audit")
_REACHABLE = """() => {
  const kinds = 'a[href], button, input:not([type=hidden]), select, textarea, summary';
  const all = document.querySelectorAll(kinds);
  const reachable = [...all].filter(it => !it.disabled && it.checkVisibility({visibilityProperty: true}));
  reachable.forEach((it, number) => it.dataset.place = number);
  return reachable.map(it => it.outerHTML.slice(0, 120));
}"""
_FOCUSED = """() => {
  const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
  return {
    place: it === document.body ? -1 : Number(it.dataset.place ?? -2),
    markup: it.outerHTML.slice(0, 120),
    is_outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    is_in_view: box.width > 0 && box.top < innerHeight && box.bottom > 0 && box.left < innerWidth,
  };
}"""


@dataclass(frozen=True)
class Stop:
    """Where the focus stands: place among what can be reached, -1 for none, -2 for what only scrolls."""

    place: int
    markup: str
    is_outlined: bool
    is_in_view: bool


@pytest.fixture(scope="module")
def page(browser: Browser, shared: Running) -> Iterator[Page]:
    for number in range(1, 4):
        store(shared.folder / "state", number, f"10.0.0.{number}", "pool.example")
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.goto(f"{shared.url}/login?token={shared.token}")
    yield opened
    context.close()


def pressed(page: Page, key: str) -> Stop:
    page.keyboard.press(key)
    found: dict[str, Any] = page.evaluate(_FOCUSED)
    return Stop(**found)


def walked(page: Page, key: str, most: int) -> list[Stop]:
    """Stops of a key until the focus leaves the page or begins anew; of a date, which has several, one."""
    stops: list[Stop] = []
    for _ in range(most):
        stop = pressed(page, key)
        if stops and stop.place in (-1, stops[0].place):
            return stops
        if stop.place != -1 and (not stops or stop.place != stops[-1].place):
            stops.append(stop)
    raise AssertionError(f"the focus never left the page: {[stop.markup for stop in stops[-3:]]}")


@pytest.mark.parametrize("path", PATHS)
def test_tab_reaches_everything_in_order_visibly_and_leaves_again(
    page: Page, shared: Running, path: str
) -> None:
    page.goto(shared.url + path)
    expect(page.locator("main h1")).to_be_visible()
    reachable = page.evaluate(_REACHABLE)
    assert "skip" in reachable[0]
    there = walked(page, "Tab", 2 * len(reachable) + 20)
    assert [stop.place for stop in there if stop.place >= 0] == list(range(len(reachable)))
    assert [stop.markup for stop in there if not stop.is_outlined] == []
    assert [stop.markup for stop in there if not stop.is_in_view] == []
    back = [stop.place for stop in walked(page, "Shift+Tab", 2 * len(reachable) + 20) if stop.place >= 0]
    assert back[back.index(len(reachable) - 1) :] == list(reversed(range(len(reachable))))


@pytest.mark.parametrize("path", PATHS)
def test_the_skip_link_leads_past_the_navigation(page: Page, shared: Running, path: str) -> None:
    page.goto(shared.url + path)
    pressed(page, "Tab")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    pressed(page, "Enter")
    expect(page.locator("main")).to_be_focused()
    if page.locator("main").locator("a[href], button, input, summary").count():
        pressed(page, "Tab")
        assert page.evaluate("!!document.activeElement.closest('main')")


def test_a_login_needs_no_mouse(browser: Browser, shared: Running) -> None:
    context = browser.new_context(locale="en-GB")
    login = context.new_page()
    login.goto(f"{shared.url}/login")
    expect(login.locator("#token")).to_be_focused()
    login.keyboard.type("not the token")
    login.keyboard.press("Enter")
    expect(login.get_by_role("alert")).to_be_visible()
    reachable = login.evaluate(_REACHABLE)
    stops = walked(login, "Tab", 2 * len(reachable) + 10)
    assert len(stops) >= len(reachable) - 1
    assert [stop.markup for stop in stops if not stop.is_outlined] == []
    context.close()
