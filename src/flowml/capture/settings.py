"""How packets are metered: timeouts, sequences and dissection, and the words that describe them in a file."""

from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import pairwise

from flowml.errors import ConfigError
from flowml.flows.key import TCP
from flowml.schema import RECORD_COLUMNS, SEQUENCE_COLUMNS, digest

PAYLOAD_ACCOUNTING = 3  # NFStream's accounting mode in which every size is the transport payload
DISSECTION_LIMIT = 255  # NFStream's engine takes the number of dissections as an uint8_t
COUNT_LIMIT = 1_000_000  # payload packets between two counts; the meter counts up to 2**32
SNAPSHOT_STEP_LIMIT_S = 400  # the meter plans snapshots on a wheel of 409.6 s


@dataclass(frozen=True)
class Shard:
    """A part of the flows of a file: those that one of several processes has, and that are wanted.

    Attributes
    ----------
    number, count : int
        Which of how many parts. A connection's flows are in one part.
    protocol : int
        The IP protocol whose flows are wanted; 0 for all. Packets of others are counted, not metered.
    """

    number: int = 0
    count: int = 1
    protocol: int = 0


WHOLE = Shard()
ONLY_TCP = Shard(protocol=TCP)
"""What connections are made of; nothing else is scored."""


@dataclass(frozen=True)
class MeterSettings:
    """What a meter needs to know; both meters add the same packets to a flow for the same settings.

    Attributes
    ----------
    idle_timeout_s : int
        Seconds without a packet after which a flow ends. Longer than the silence between two jobs of a
        slow pool, which is a minute or two, so that a mining connection stays one flow.
    active_timeout_s : int
        Seconds after its first packet at which a flow is cut into slices; NFStream's statistics are those
        of a slice.
    snapshot_ages_s : tuple of int
        Ages of a flow at which it is reported without being ended, and then each time the last of them has
        passed again. They are the ages at which connections are judged.
    snapshot_packets : tuple of int
        Numbers of payload packets of a flow at which it is reported as well, without being ended and
        without any change to the reports at ages; for who cannot wait for the first age. None by default.
    history_packets : int
        Payload packets that are kept of a flow between two reports; of more, the newest.
    max_flows : int
        Open flows at most; beyond, the least recently used one leaves. Bounds the memory: a flow takes
        1.6 KB, and up to 3.3 KB more while nDPI looks at it, which it does with 150,000 at once.
    n_dissections : int
        Packets per slice that nDPI looks at; its names are evidence for people. 0 turns it off.
    """

    idle_timeout_s: int = 120
    active_timeout_s: int = 900
    snapshot_ages_s: tuple[int, ...] = (10, 30, 45, 60, 90, 120, 180, 300)
    snapshot_packets: tuple[int, ...] = ()
    history_packets: int = 256
    max_flows: int = 500_000
    n_dissections: int = 20

    def __post_init__(self) -> None:
        limits = {
            "idle_timeout_s": (1, 86_400),
            "active_timeout_s": (1, 86_400),
            "history_packets": (4, 65_536),
            "max_flows": (1, 100_000_000),
            "n_dissections": (0, DISSECTION_LIMIT),
        }
        problems = [
            f"{name} is {getattr(self, name)}, expected {low} to {high}"
            for name, (low, high) in limits.items()
            if not low <= getattr(self, name) <= high
        ]
        ages = (0, *self.snapshot_ages_s)
        steps = [later - earlier for earlier, later in pairwise(ages)] + [ages[-1]]
        if self.snapshot_ages_s and not all(1 <= step <= SNAPSHOT_STEP_LIMIT_S for step in steps):
            problems.append(
                f"snapshot_ages_s is {self.snapshot_ages_s}, expected rising ages, the last and every step "
                f"of 1 to {SNAPSHOT_STEP_LIMIT_S}"
            )
        counts = (0, *self.snapshot_packets)
        if not all(1 <= later - earlier <= COUNT_LIMIT for earlier, later in pairwise(counts)):
            problems.append(
                f"snapshot_packets is {self.snapshot_packets}, expected rising numbers, "
                f"every step of 1 to {COUNT_LIMIT}"
            )
        if problems:
            raise ConfigError(f"meter settings: {'; '.join(problems)}")

    def describe(self) -> dict[str, str]:
        """Everything that must be equal for two flow tables to be comparable, as text.

        Returns
        -------
        dict of str to str
            Settings, versions of NFStream, its engine and nDPI, and the digest of the record schema.
        """
        from _lib_engine import ffi
        from _lib_engine import lib as engine

        described = {name: str(value) for name, value in asdict(self).items()}
        described["accounting_mode"] = str(PAYLOAD_ACCOUNTING)
        described["nfstream_version"] = version("nfstream")
        described["engine_version"] = ffi.string(engine.engine_lib_version()).decode()
        described["ndpi_version"] = ffi.string(engine.engine_lib_ndpi_version()).decode()
        described["record_schema"] = digest((*RECORD_COLUMNS, *SEQUENCE_COLUMNS))
        return described
