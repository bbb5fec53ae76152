"""What the dashboard is told by its configuration."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from flowml.errors import ConfigError


@dataclass(frozen=True)
class DashboardSettings:
    """Where the dashboard listens, and who may use it.

    Attributes
    ----------
    listen : str
        IP address. Anything but loopback needs users, and TLS here or in a proxy before it.
    port : int
        TCP port; 0: the kernel chooses.
    hosts : tuple of str
        Names by which browsers reach it, beside IP addresses and ``localhost``. Requests for other names are
        refused: a page elsewhere could have pointed its own name to this address.
    users : Path or None
        File of users and API tokens; None: on loopback whoever has the token that is printed at start.
    tls_certificate, tls_key : Path or None
        PEM files.
    behind_proxy : bool
        One proxy stands before it, does TLS and says who the client is (``X-Forwarded-For``).
    alerts_per_day : float
        How many alerts a day are bearable: what the overview compares with.
    """

    listen: str = "127.0.0.1"
    port: int = 8765
    hosts: tuple[str, ...] = ()
    users: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    alerts_per_day: float = 5.0

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.listen).is_loopback

    @property
    def is_encrypted(self) -> bool:
        """Whether browsers speak TLS, to flowml or to the proxy."""
        return self.behind_proxy or self.tls_certificate is not None

    def check(self) -> None:
        """Refuse to be open to others without a lock.

        Raises
        ------
        ConfigError
            What is missing.
        """
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ConfigError("dashboard: got one of tls_certificate and tls_key, expected both or none")
        if (not self.is_loopback or self.behind_proxy) and self.users is None:
            raise ConfigError(
                f"dashboard.listen: {self.listen} is reached by others, expected users; "
                "set dashboard.users and add one with: flowml dashboard add-user NAME"
            )
        if not self.is_loopback and not self.is_encrypted:
            raise ConfigError(
                f"dashboard.listen: passwords would go to {self.listen} unencrypted; set tls_certificate and "
                "tls_key, or behind_proxy = true if a proxy does TLS"
            )
