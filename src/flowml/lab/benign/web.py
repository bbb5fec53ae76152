"""Web browsing, downloads and polling: nginx served to curl, plain and in TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowml.lab.actor import Actor, Parameters, Program, over_tls

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site

_N_FILES = 24
_CONFIGURATION = """
daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_timeout {keepalive_s}; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen {address}:{port}{tls}; root {folder}/pages; {certificate} }}
}}
"""


def _draw(rng: Generator) -> Parameters:
    return {
        "keepalive_s": int(rng.choice([15, 65, 75, 300])),
        "page_bytes": float(rng.lognormal(8.0, 0.7)),
        "per_minute": int(rng.choice([2, 4, 6, 12])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    pages = site.folder / "pages"
    pages.mkdir()
    for number in range(_N_FILES):
        n_bytes = min(int(rng.lognormal(np.log(site.parameters["page_bytes"]), 1.0)), 30_000)
        (pages / str(number)).write_bytes(rng.bytes(n_bytes))
    files = site.certificate
    configuration = site.folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=site.folder,
            keepalive_s=site.parameters["keepalive_s"],
            address=site.server[0],
            port=site.server[1],
            tls=" ssl" if files else "",
            certificate=f"ssl_certificate {files.chain}; ssl_certificate_key {files.key};" if files else "",
        )
    )
    await site.run_server("nginx", "-c", configuration)


async def _visit(site: Site, rng: Generator) -> None:
    """Look at some pages over one connection, with the pauses that ``--rate`` makes."""
    name, port = site.server_name(), site.server[1]
    base = f"{'https' if site.certificate else 'http'}://{name}:{port}"
    pages = [f"{base}/{number}" for number in rng.integers(0, _N_FILES, size=int(rng.integers(2, 40)))]
    rate = f"{site.parameters['per_minute'] * int(rng.choice([1, 1, 2]))}/m"
    quiet = [
        "--silent",
        "--output",
        "/dev/null",
        "--insecure",
        "--resolve",
        f"{name}:{port}:{site.server[0]}",
    ]
    # One --output serves one URL; --remote-name-all would fill the folder.
    outputs = [word for page in pages for word in ("--output", "/dev/null", page)]
    await site.run("curl", "--rate", rate, *quiet, *outputs)


_WEB = Actor(
    "web",
    "http",
    _draw,
    _serve,
    _visit,
    ports=(80, 8080, 8000),
    requires=(Program("nginx", "nginx"), Program("curl", "curl")),
    clients=(2, 5),
)
ACTORS = (_WEB, over_tls(_WEB, (443, 8443)))
