"""Where alerts go, as the configuration says it; a destination that it does not name is None."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class EveSettings:
    """The EVE file.

    Attributes
    ----------
    file : Path
    rotate_mib : int or None
        A record that would make it larger begins a new file, MiB; None: left to logrotate and SIGHUP.
    keep : int
        Older files that stay.
    """

    file: Path
    rotate_mib: int | None = None
    keep: int = 5


@dataclass(frozen=True)
class StdoutSettings:
    """Standard output.

    Attributes
    ----------
    format : str
        ``text`` for people, ``json`` for programs.
    """

    format: str = "text"


@dataclass(frozen=True)
class SyslogSettings:
    """A syslog server.

    Attributes
    ----------
    server : str
        ``udp://HOST:PORT``, ``tcp://HOST:PORT`` or ``tls://HOST:PORT``.
    ca_file : Path or None
        Certificates that sign the server's (PEM); None: those that the system trusts.
    """

    server: str
    ca_file: Path | None = None


@dataclass(frozen=True)
class WebhookSettings:
    """An HTTP server that takes one alert a request.

    Attributes
    ----------
    url : str
    secret_file : Path or None
        Its content, without the end of its line, is the key of the signature; None: not signed.
    ca_file : Path or None
        Certificates that sign the server's (PEM); None: those that the system trusts.
    once_per_incident : bool
        Only the first alert of an incident is sent; needs a state folder.
    """

    url: str
    secret_file: Path | None = None
    ca_file: Path | None = None
    once_per_incident: bool = False


@dataclass(frozen=True)
class EmailSettings:
    """Mail, at most one an interval.

    Attributes
    ----------
    server : str
        ``smtp://HOST:PORT`` (STARTTLS is required), ``smtps://HOST:PORT`` (TLS from the first byte) or
        ``plain://HOST:PORT`` (no TLS).
    sender : str
    recipients : tuple of str
    interval_s : float
        From one mail to the next, seconds.
    user : str
        For the server; empty: it asks for none.
    password_file : Path or None
        Its content, without the end of its line, is the password.
    ca_file : Path or None
        Certificates that sign the server's (PEM); None: those that the system trusts.
    once_per_incident : bool
        Only the first alert of an incident is mailed; needs a state folder.
    """

    server: str
    sender: str
    recipients: tuple[str, ...]
    interval_s: float = 900.0
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    once_per_incident: bool = False


@dataclass(frozen=True)
class PrometheusSettings:
    """Metrics.

    Attributes
    ----------
    textfile : Path or None
        For node_exporter's textfile collector; its name has to end in ``.prom``.
    listen : str or None
        ``HOST:PORT`` of this machine alone (loopback) where ``/metrics`` is answered.
    every_s : float
        From one writing of the file to the next, seconds.
    """

    textfile: Path | None = None
    listen: str | None = None
    every_s: float = 15.0


@dataclass(frozen=True)
class SinksSettings:
    """All destinations.

    Attributes
    ----------
    spool_mib : int
        What waits on disk for each destination at most, MiB; an alert takes about 4 KiB.
    stdout : StdoutSettings
    eve : EveSettings or None
    syslog : SyslogSettings or None
    webhook : WebhookSettings or None
    email : EmailSettings or None
    prometheus : PrometheusSettings or None
    """

    spool_mib: int = 64
    stdout: StdoutSettings = field(default_factory=StdoutSettings)
    eve: EveSettings | None = None
    syslog: SyslogSettings | None = None
    webhook: WebhookSettings | None = None
    email: EmailSettings | None = None
    prometheus: PrometheusSettings | None = None

    @property
    def once_per_incident(self) -> frozenset[str]:
        """Names of the destinations that want the first alert of each incident alone."""
        asked = {"webhook": self.webhook, "email": self.email}
        return frozenset(name for name, sink in asked.items() if sink is not None and sink.once_per_incident)

    @property
    def has_servers(self) -> bool:
        """Whether alerts go to another program, which may be down for a while."""
        return any((self.syslog, self.webhook, self.email))
