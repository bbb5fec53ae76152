"""How packets are metered: timeouts, sequences and dissection, and the words that describe them in a file."""

from dataclasses import asdict, dataclass
from importlib.metadata import version

from flowml.errors import ConfigError
from flowml.schema import RECORD_COLUMNS, SEQUENCE_COLUMNS, digest

PAYLOAD_ACCOUNTING = 3  # NFStream's accounting mode in which every size is the transport payload
SPLT_LIMIT = 255  # the longest sequence of packet lengths and times for which NFStream's cost was measured
DISSECTION_LIMIT = 255  # NFStream's engine takes the number of dissections as an uint8_t


@dataclass(frozen=True)
class MeterSettings:
    """What a meter needs to know; both meters give the same records for the same settings.

    Attributes
    ----------
    idle_timeout_s : int
        Seconds without a packet after which a flow ends.
    active_timeout_s : int
        Seconds after its first packet at which a flow is cut into slices. Short, because NFStream's
        sequences hold the first packets of a slice only: in ten seconds hardly any connection of interest
        sends more than `splt_packets` packets.
    splt_packets : int
        Packets per slice whose time, size and direction NFStream keeps.
    n_dissections : int
        Packets per flow that nDPI looks at; its names are evidence for people. 0 turns it off.
    """

    idle_timeout_s: int = 10
    active_timeout_s: int = 10
    splt_packets: int = SPLT_LIMIT
    n_dissections: int = 20

    def __post_init__(self) -> None:
        limits = {
            "idle_timeout_s": (1, 86_400),
            "active_timeout_s": (1, 86_400),
            "splt_packets": (1, SPLT_LIMIT),
            "n_dissections": (0, DISSECTION_LIMIT),
        }
        problems = [
            f"{name} is {getattr(self, name)}, expected {low} to {high}"
            for name, (low, high) in limits.items()
            if not low <= getattr(self, name) <= high
        ]
        if problems:
            raise ConfigError(f"meter settings: {'; '.join(problems)}")

    def describe(self) -> dict[str, str]:
        """Everything that must be equal for two flow tables to be comparable, as text.

        Returns
        -------
        dict of str to str
            Settings, versions of NFStream, its engine and nDPI, and the digest of the record schema.
        """
        from nfstream.engine import create_engine

        ffi, engine = create_engine()
        described = {name: str(value) for name, value in asdict(self).items()}
        described["accounting_mode"] = str(PAYLOAD_ACCOUNTING)
        described["nfstream_version"] = version("nfstream")
        described["engine_version"] = ffi.string(engine.engine_lib_version()).decode()
        described["ndpi_version"] = ffi.string(engine.engine_lib_ndpi_version()).decode()
        described["record_schema"] = digest((*RECORD_COLUMNS, *SEQUENCE_COLUMNS))
        return described
