"""A dashboard, a store and a browser for the tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.api.running import Running, write_config

CHROMIUM = shutil.which("chromium")
BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium without a window; while it is there, this thread cannot run another event loop."""
    if CHROMIUM is None:
        pytest.skip("no chromium (Debian package chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=[*BROWSER_FLAGS], timeout=120_000)
        yield opened
        opened.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A dashboard on loopback for one local administrator; its state is in `state` of the test's folder."""
    with Running(write_config(tmp_path)) as dashboard:
        yield dashboard


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same, for tests that need not be alone."""
    with Running(write_config(tmp_path_factory.mktemp("dashboard"))) as dashboard:
        yield dashboard
