"""Mining in a real browser: Chromium, without a window, opens a page whose script talks to a pool.

The script does what Coinhive's did (see ``browser``) but hash: it waits as long as hashing would. Frames,
masks, handshakes and acknowledgements are the browser's own.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Program, over_tls
from flowml.lab.mining.browser import PATH, draw, serve_pool
from flowml.lab.mining.identities import base58

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site

_PAGE = """<!doctype html><html><head><title>news</title></head><body><h1>news</h1><script>
const settings = SETTINGS;
const socket = new WebSocket((location.protocol === "https:" ? "wss://" : "ws://") + location.host + "PATH");
let job = null, timer = null;
const digits = n => [...crypto.getRandomValues(new Uint8Array(n / 2))]
  .map(byte => byte.toString(16).padStart(2, "0")).join("");
const say = (type, params) => socket.send(JSON.stringify({type: type, params: params}));
function difficulty() {
  const bytes = job.target.match(/../g).reverse().join("");
  return 4294967296 / Math.max(parseInt(bytes, 16), 1);
}
function wait() {
  clearTimeout(timer);
  const seconds = -Math.log(1 - Math.random()) * difficulty() / settings.hashes_per_s;
  timer = setTimeout(() => {
    say("submit", {job_id: job.job_id, nonce: digits(8), result: digits(64)});
    wait();
  }, 1000 * seconds);
}
socket.onopen = () => say("auth", {site_key: settings.site_key, type: "anonymous", user: null, goal: 0});
socket.onmessage = event => {
  const message = JSON.parse(event.data);
  if (message.type === "job") { job = message.params; wait(); }
};
</script></body></html>
"""
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # the lab is root, in a network namespace without a way out
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--ignore-certificate-errors",
    "--mute-audio",
)


def page(hashes_per_s: float, site_key: str) -> str:
    """HTML of a page that mines at that rate."""
    settings = json.dumps({"hashes_per_s": round(hashes_per_s, 3), "site_key": site_key})
    return _PAGE.replace("SETTINGS", settings).replace("PATH", PATH)


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    await serve_pool(site, rng, page(drawn["hashes_per_s"] * (1.0 - drawn["throttle"]), base58(32, rng)))


async def _visit(site: Site, rng: Generator) -> None:
    name, (address, port) = site.server_name(), site.server
    scheme = "http" if site.certificate is None else "https"
    with tempfile.TemporaryDirectory(dir=site.folder, ignore_cleanup_errors=True) as profile:
        async with site.program(
            "env",
            f"HOME={profile}",  # or it would leave a folder for its crashes at the user's
            "chromium",
            *_OPTIONS,
            f"--user-data-dir={profile}",
            f"--host-resolver-rules=MAP {name} {address}",
            f"{scheme}://{name}:{port}/",
        ):
            await asyncio.sleep(rng.exponential(site.parameters["visit_s"]) + 20.0)


_CHROMIUM = Actor(
    "chromium-mining",
    "browser",
    draw,
    _serve,
    _visit,
    ports=(80, 8892),
    is_mining=True,
    requires=(Program("chromium", "chromium"),),
    clients=(1, 1),
)
ACTORS = (_CHROMIUM, over_tls(_CHROMIUM, (443, 8893)))
