"""A dashboard as a process of its own, and a browser in front of it."""

import re
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.processes import start_flowml

STARTS_WITHIN_S = 120  # on a machine that is busy with the other tests


class Running:
    """`flowml dashboard`, started; ended with the block.

    Parameters
    ----------
    config : Path
        Configuration file.
    """

    def __init__(self, config: Path) -> None:
        self._config = config
        self.folder = config.parent
        self._clients = ExitStack()
        self.start()

    def start(self) -> None:
        """Start it, and wait until it tells where it is."""
        self.process = start_flowml("dashboard", "--config", self._config)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"(https?://[^/]+)/(?:login\?token=(\S+))?", line)
        if found is None:
            out, err = self.process.communicate(timeout=STARTS_WITHIN_S)
            raise AssertionError(f"{line}{out}{err}")
        self.url, self.token = found[1], found[2] or ""

    def stop(self, number: int = signal.SIGTERM) -> str:
        """End it and give what it said on standard error."""
        self._clients.close()
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return err

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clients.close()
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def client(self, **headers: str) -> httpx.Client:
        """Somebody who has not logged in."""
        return self._clients.enter_context(httpx.Client(base_url=self.url, headers=headers, timeout=60))

    def logged_in(self) -> httpx.Client:
        """The local administrator; the printed token is good for one."""
        client = self.client()
        assert client.get("/login", params={"token": self.token}).status_code == 303
        return client


def csrf(client: httpx.Client) -> str:
    """What the pages of this session send along with every form."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/incidents").text)
    assert found is not None
    return found[1]


def write_config(folder: Path, *lines: str) -> Path:
    """A configuration with a state folder and a port that is free."""
    (folder / "state").mkdir(exist_ok=True)
    path = folder / "flowml.toml"
    path.write_text("\n".join(['[state]\nfolder = "state"', "[dashboard]", "port = 0", *lines, ""]))
    return path
