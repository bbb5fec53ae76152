"""Web browsing by Chromium itself: several sites in HTTP/2 and TLS, pages that poll, and people who read.

nginx serves some virtual sites under names of their own, so the browser keeps a connection to each. A page
has a style, a script, pictures, and a script that fetches something by the clock while the page is read;
then it goes on to another site. The requests, the reuse of connections and their ends are the browser's own.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, Program, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.site import Site

_CONFIGURATION = """
daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_timeout {keepalive_s}; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder}; default_type text/html;
  server {{
    listen {address}:{port} ssl http2; root {folder}/$host; add_header Cache-Control no-store;
    ssl_certificate {chain}; ssl_certificate_key {key};
  }}
}}
"""
_PAGE = """<!doctype html><title>{number}</title>
<link rel="stylesheet" href="/style"><script src="/script"></script>
<p>{text}</p>{pictures}
<script>
const sites = {sites};
const random_below = n => Math.floor(Math.random() * n);
const go_on = () => {{ location = sites[random_below(sites.length)] + random_below({pages}); }};
setInterval(() => fetch("/poll?" + Date.now()).then(answer => answer.text()), {poll_ms});
setTimeout(go_on, -Math.log(Math.random()) * {read_ms});
</script>
"""
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--ignore-certificate-errors",
)


def _draw(rng: Generator) -> Parameters:
    return {
        "sites": int(rng.integers(2, 6)),
        "pages": int(rng.integers(2, 6)),
        "pictures": int(rng.integers(0, 9)),
        "picture_bytes": int(log_uniform(rng, 500, 15_000)),
        "text_bytes": int(log_uniform(rng, 500, 15_000)),
        "poll_s": float(rng.choice([5.0, 10.0, 15.0, 30.0, 60.0])),
        "poll_bytes": int(log_uniform(rng, 2, 2000)),
        "read_s": float(rng.choice([15.0, 45.0, 180.0])),
        "keepalive_s": int(rng.choice([15, 65, 75, 300])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn, files = site.parameters, site.certificate
    if files is None:
        raise TypeError("the browser is played over TLS alone")
    for name in _names(drawn):
        _write_site(site.folder / name, site, rng)
    host, port = site.server
    configuration = site.folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=site.folder,
            keepalive_s=drawn["keepalive_s"],
            address=host,
            port=port,
            chain=files.chain,
            key=files.key,
        )
    )
    await site.run_server("nginx", "-c", configuration)


def _names(drawn: Mapping[str, Any]) -> list[str]:
    return [f"site{number}.{_domain(drawn)}" for number in range(drawn["sites"])]


def _domain(drawn: Mapping[str, Any]) -> str:
    return str(drawn["sni"] or "lab.example")


def _write_site(folder: Path, site: Site, rng: Generator) -> None:
    drawn = site.parameters
    folder.mkdir()
    for name, n_bytes in (("style", 2000), ("script", 4000), ("poll", drawn["poll_bytes"])):
        (folder / name).write_text(f"/* {text_of(n_bytes, n_bytes // 2, rng)} */")
    for number in range(drawn["pictures"]):
        (folder / f"picture{number}").write_bytes(
            rng.bytes(int(drawn["picture_bytes"] * rng.uniform(0.3, 1.0)))
        )
    for number in range(drawn["pages"]):
        (folder / str(number)).write_text(
            _PAGE.format(
                number=number,
                text=text_of(drawn["text_bytes"], 500, rng),
                pictures="".join(f'<img src="/picture{n}">' for n in range(drawn["pictures"])),
                sites=json.dumps([f"https://{name}:{site.server[1]}/" for name in _names(drawn)]),
                poll_ms=1000 * drawn["poll_s"],
                pages=drawn["pages"],
                read_ms=1000 * drawn["read_s"],
            )
        )


async def _visit(site: Site, rng: Generator) -> None:
    host, port = site.server
    # Short, for the path of the browser's socket in it may have no more than 107 bytes (unix(7)), or it ends.
    own = Path(tempfile.mkdtemp(prefix="b", dir=site.folder.parents[1]))
    # The browser's own calls to its makers find nobody: all it can reach is in the lab.
    rules = f"--host-resolver-rules=MAP *.{_domain(site.parameters)} {host}, MAP * ~NOTFOUND"
    start = f"https://{rng.choice(_names(site.parameters))}:{port}/0"
    # It is killed in the end, so what it puts aside has to lie where the lab cleans up.
    aside = ("env", f"TMPDIR={own}", f"HOME={own}")
    await site.run(*aside, "chromium", *_OPTIONS, f"--user-data-dir={own / 'profile'}", rules, start)
    await asyncio.sleep(5.0)


_BROWSER = Actor(
    "browser",
    "http",
    _draw,
    _serve,
    _visit,
    ports=(443, 8443),
    requires=(Program("nginx", "nginx"), Program("chromium", "chromium")),
    clients=(1, 1),
)
ACTORS = (over_tls(_BROWSER, (443, 8443)),)
