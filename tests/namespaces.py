"""A network of their own for tests: a veth pair in a namespace with a random name."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tap:
    """A veth pair: what is sent into `sender` can be captured on `interface`.

    Attributes
    ----------
    namespace : str
        Where both ends are.
    """

    namespace: str
    interface: str = "tap0"
    sender: str = "gen0"

    def inside(self, *command: str | Path) -> list[str]:
        """The command line that runs `command` in the namespace."""
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    def run(self, *command: str | Path) -> None:
        """Run a command in the namespace to its end."""
        subprocess.run(self.inside(*command), check=True, capture_output=True)

    def replay(self, capture: Path, multiplier: float = 1.0) -> "subprocess.Popen[bytes]":
        """Start sending a capture's packets into the pair."""
        command = ("tcpreplay", "-q", f"--multiplier={multiplier}", "-i", self.sender, capture)
        return subprocess.Popen(self.inside(*command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def tap() -> Iterator[Tap]:
    """Make a namespace with a veth pair, and remove it."""
    made = Tap(f"flowml-test-{secrets.token_hex(4)}")
    subprocess.run(["ip", "netns", "add", made.namespace], check=True)
    try:
        # no IPv6: its neighbour discovery would be traffic that no test sent
        made.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        made.run("ip", "link", "add", made.interface, "type", "veth", "peer", "name", made.sender)
        for end in (made.interface, made.sender):
            made.run("ip", "link", "set", end, "up")
        yield made
    finally:
        subprocess.run(["ip", "netns", "delete", made.namespace], check=False)
