"""Pictures of every page, for docs/dashboard.md: `python -m tests.api.pictures`."""

import random
import tempfile
import time
from dataclasses import replace
from math import sin
from pathlib import Path

from playwright.sync_api import sync_playwright

from flowml.detections.alert import Evidence
from flowml.detections.incident import Change, IncidentState
from flowml.detections.sentence import say
from flowml.flows.key import FlowKey
from flowml.incidents import telemetry
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import Disagreement, Drift, HealthState, ModelInUse
from flowml.service.health_words import HEALTH
from tests.api.conftest import BROWSER_FLAGS, CHROMIUM
from tests.api.running import Running, write_config
from tests.api.stored import WORDS
from tests.conftest import REPOSITORY
from tests.verdicts import alert

FOLDER = REPOSITORY / "docs" / "pictures" / "dashboard"
PAGES = ("overview", "incidents", "incident", "hosts", "models", "policies", "settings", "audit")
PATHS = {"overview": "/", "incident": "/incidents/9"}
EXTRA = (
    ("overview", "ja", "dark", 1440),
    ("incident", "en", "dark", 1440),
    ("incident", "ja", "light", 1440),
    ("incidents", "ja", "light", 360),
)
HOUR_MS = 3_600_000


def fill(folder: Path) -> None:
    """A day of a made-up network."""
    draw, now = random.Random(5), time.time_ns() // 1_000_000
    store = IncidentStore(folder)
    for number in range(24):
        strip, at = [], 0.0
        for _ in range(42):
            at += draw.expovariate(1 / 6)
            strip += [(at, 186), (at + 0.03, -64)] + ([(at + 1.5, -378)] if draw.random() < 0.4 else [])
        last = now - (24 - number) * HOUR_MS // 2
        key = FlowKey(f"10.{number % 5}.7.{number + 10}", 40_000, f"198.51.100.{number % 7}", 3333)
        name = draw.choice(("", f"build-{number:02}.corp.example", f"kiosk-{number}.example"))
        told = alert(
            *WORDS, key=key, server_name=f"pool-{number % 7}.example", start_ms=last - 300_000, end_ms=last,
            probability=0.9 + draw.random() * 0.099, source="eth1", model="flowml 2 0123456789ab",
        )  # fmt: skip
        evidence = Evidence(tuple(strip[:128]), last - 300_000, 6.2, "monero", ("news.example",))
        store.take([replace(told, evidence=evidence, raised_ms=last)], {key.client_ip: name})
    states = list(IncidentState)[1:5]
    for number in range(1, 18):
        store.change([number], Change(draw.choice(states), draw.choice(("mika", "sato", None))), "mika", now)
    store.change([9], Change(note="Asked the owner: a student's project.\nIt stops tonight."), "mika", now)
    store.add_policy("10.9.0.0/16", "Research cluster", "sato", now + 900 * HOUR_MS)
    _tell_of_the_sensor(store, now, draw)
    store.close()


def _tell_of_the_sensor(store: IncidentStore, now: int, draw: random.Random) -> None:
    with store.database.writing() as connection:
        for minute in range(24 * 60):
            load = int(1000 * (1.3 + sin(minute / 230) + draw.random() / 5))
            beat = (now - minute * 60_000, "eth1", load * 900, load * 600_000, load * 4, load * 7, 0, 0)
            connection.execute("INSERT INTO beat VALUES (?, ?, ?, ?, ?, ?, ?, ?)", beat)
    telemetry.record_health(
        store,
        [
            HealthState(
                "losses eth1",
                "ok",
                say(HEALTH, "checked.losses_ok", lost_percent=0.0),
                now - 70 * HOUR_MS,
                now,
            ),
            HealthState(
                "directions eth2",
                "warn",
                say(HEALTH, "checked.directions", one_way_ratio=0.31),
                now - 3 * HOUR_MS,
                now,
            ),
            HealthState(
                "selftest", "ok", say(HEALTH, "checked.selftest_ok", families=13), now - 9 * HOUR_MS, now
            ),
        ],
    )
    card = "# flowml 2\n\nFinds mining from **sizes, directions and times** of messages."
    telemetry.record_model(store, ModelInUse("champion", "flowml 2", "60506b2e419eb7fb", card, now))
    telemetry.record_drift(store, [Drift(now, "score", 0.04), Drift(now, "push_size_median_bytes", 0.16)])
    telemetry.record_disagreement(store, Disagreement(now, "10.0.0.2:40000 → 198.51.100.7:3333", 0.93, 0.12))


def main() -> None:
    """Fill a store, open every page, and keep what it looks like."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        config = write_config(Path(name))
        fill(Path(name) / "state")
        with Running(config) as running:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=[*BROWSER_FLAGS], timeout=120_000
            )
            session = running.logged_in().cookies["flowml_session"]
            for page_name, language, theme, width in (
                *((page, "en", "light", 1440) for page in PAGES),
                *EXTRA,
            ):
                context = browser.new_context(
                    locale=language, timezone_id="UTC", viewport={"width": width, "height": 900}
                )
                cookies = {"flowml_session": session, "theme": theme, "language": language}
                context.add_cookies(
                    [{"name": key, "value": text, "url": running.url} for key, text in cookies.items()]
                )
                page = context.new_page()
                page.set_default_timeout(120_000)
                page.goto(running.url + PATHS.get(page_name, f"/{page_name}"))
                if page_name == "overview":
                    page.locator(".u-wrap canvas").nth(1).wait_for()
                suffix = (
                    ""
                    if (language, theme, width) == ("en", "light", 1440)
                    else f"-{language}-{theme}-{width}"
                )
                page.screenshot(path=FOLDER / f"{page_name}{suffix}.png")
                context.close()
            browser.close()


if __name__ == "__main__":
    main()
