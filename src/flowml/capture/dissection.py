"""nDPI, which names applications and servers: switched on with what records hold of it, and no more."""

from enum import Enum

from flowml.capture.engine import Engine
from flowml.errors import CaptureError

_TLS_FACTS = (
    "sha1_fingerprint", "versions_supported", "alpn_negotiated", "cipher", "cert_validity", "cert_issuer",
    "cert_subject", "browser", "ja3s_fingerprint", "ja4c_fingerprint",
)  # fmt: skip
_HTTP_FACTS = (
    "req.content_type", "req.referer", "req.username", "req.password", "resp.content_type", "resp.server",
)  # fmt: skip
_SIP_FACTS = ("from", "from_imsi", "to", "to_imsi")

NOT_FOR_NAMES = (
    ("", "flow_risk.all"), ("", "flow_risk_lists.load"), ("", "dpi.compute_entropy"), ("", "fpc"),
    ("", "metadata.tcp_fingerprint"), ("", "metadata.ndpi_fingerprint"),
    *(("tls", f"metadata.{fact}") for fact in _TLS_FACTS),
    *(("http", f"metadata.{fact}") for fact in _HTTP_FACTS),
    *(("sip", f"metadata.attribute.{fact}") for fact in _SIP_FACTS),
    ("bittorrent", "metadata.hash"),
)  # fmt: skip
"""nDPI's options for what no record holds: risks, fingerprints, and facts beside the names. They took a third
of its time. What names come from stays: the host and the answer of HTTP, certificates, STUN's addresses."""

ACROSS_FLOWS = tuple(
    ("", f"lru.{memory}.size")
    for memory in ("ookla", "bittorrent", "stun", "tls_cert", "mining", "msteams", "fpc_dns", "signal")
)
"""What nDPI remembers of one flow to name others. Without it a connection's name comes from its own packets
alone, whatever else the same process meters."""


class Dissection(Enum):
    """What nDPI is there for."""

    EVERYTHING = "everything that NFStream shows of it"
    NAMES = "the names that records hold"
    NAMES_OF_PAYLOAD = "names, of flows with payload"
    """It begins a slice with its first payload packet: a flow without any takes no memory for it and has no
    name. And `ACROSS_FLOWS` is off. For those who look at connections with payload, each by itself."""

    @property
    def unwanted(self) -> tuple[tuple[str, str], ...]:
        """Options of nDPI that are turned off, each with its protocol."""
        if self is Dissection.EVERYTHING:
            return ()
        return NOT_FOR_NAMES if self is Dissection.NAMES else (*NOT_FOR_NAMES, *ACROSS_FLOWS)


class Dissector:
    """nDPI with every protocol on, or nothing for no dissection.

    Parameters
    ----------
    engine : Engine
    n_dissections : int
        Packets per flow that it will look at; 0 for none.
    dissection : Dissection
        What of it is left out.
    """

    def __init__(self, engine: Engine, n_dissections: int, dissection: Dissection) -> None:
        self._engine = engine
        self._handle = engine.ffi.NULL
        if not n_dissections:
            return
        checker = engine.ffi.new("struct dissector_checker *")
        checker.flow_size = engine.ffi.sizeof("struct ndpi_flow_struct")
        checker.flow_tcp_size = engine.ffi.sizeof("struct ndpi_flow_tcp_struct")
        checker.flow_udp_size = engine.ffi.sizeof("struct ndpi_flow_udp_struct")
        self._handle = engine.library.dissector_init(checker)
        if self._handle == engine.ffi.NULL:
            raise CaptureError(
                "nDPI cannot be started: its structures differ from NFStream's; install it again"
            )
        for protocol, parameter in dissection.unwanted:
            engine.ndpi_set_config(self._handle, protocol, parameter, "0")
        engine.library.dissector_configure(self._handle)

    @property
    def address(self) -> int:
        """Address of nDPI's module, 0 without one."""
        return int(self._engine.ffi.cast("uintptr_t", self._handle))

    def close(self) -> None:
        """Free it; flows that it looked at must be gone."""
        self._engine.library.dissector_cleanup(self._handle)
        self._handle = self._engine.ffi.NULL
