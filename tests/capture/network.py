"""A pair of interfaces whose far end lies in a network namespace of its own."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.capture.frames import pcap


@dataclass(frozen=True)
class Wire:
    """Two ends of a virtual cable: `tap` is here, `far` in the namespace."""

    namespace: str
    tap: str
    far: str

    def link(self, *arguments: str) -> None:
        """Change the near end."""
        subprocess.run(["ip", "link", "set", self.tap, *arguments], check=True)

    def send(self, frames: list[tuple[int, bytes]], folder: Path, *options: str) -> None:
        """Send frames from the far end, as fast as possible unless `options` of tcpreplay say otherwise."""
        path = folder / "sent.pcap"
        path.write_bytes(pcap(frames))
        self.replay(path, *options)

    def replay(self, path: Path, *options: str) -> None:
        """Send a capture from the far end."""
        command = ["ip", "netns", "exec", self.namespace, "tcpreplay", "-q", "-i", self.far]
        subprocess.run([*command, *(options or ("--topspeed",)), path], check=True, capture_output=True)


@contextmanager
def wire() -> Iterator[Wire]:
    """Lay a cable and remove it, whatever happens."""
    name = f"fm{secrets.token_hex(4)}"
    one = Wire(name, f"{name}a", f"{name}b")
    try:
        _ip("netns", "add", one.namespace)
        _ip("link", "add", one.tap, "type", "veth", "peer", "name", one.far, "netns", one.namespace)
        for near in (one.tap,):
            # without addresses of its own the kernel sends nothing over it
            Path(f"/proc/sys/net/ipv6/conf/{near}/disable_ipv6").write_text("1", encoding="ascii")
            _ip("link", "set", near, "up")
        _ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        _ip("netns", "exec", name, "ip", "link", "set", one.far, "up")
        yield one
    finally:
        subprocess.run(["ip", "link", "del", one.tap], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", one.namespace], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
