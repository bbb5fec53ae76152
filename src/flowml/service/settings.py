"""What a live sensor is told by its configuration."""

from dataclasses import dataclass
from pathlib import Path

from flowml.capture.header_ring import HeaderRingSettings
from flowml.capture.inputs import RingSettings


@dataclass(frozen=True)
class CaptureSettings:
    """Where a sensor listens, and how.

    Attributes
    ----------
    interfaces : tuple of str
        Network interfaces, or ``any`` alone; none: named on the command line.
    ring_mib : int
        Ring between the kernel and the meter, for each interface, MiB.
    snaplen_bytes : int
        Captured bytes per packet; the engine ignores IPv6 packets that are longer than that.
    promiscuous : bool
        Take packets for other hosts too, as a tap must.
    """

    interfaces: tuple[str, ...] = ()
    ring_mib: int = 64
    snaplen_bytes: int = 65_535
    promiscuous: bool = True

    @property
    def ring(self) -> RingSettings:
        """The same as the meter wants it."""
        return RingSettings(self.ring_mib << 20, self.snaplen_bytes, self.promiscuous)


@dataclass(frozen=True)
class LiveSettings:
    """Who judges and where alerts go.

    Attributes
    ----------
    model : str or None
        Folder of a model bundle, or a reference to the registry (``models:/NAME@ALIAS``); None: the model
        that is installed with flowml.
    eve : Path or None
        EVE file that alerts are appended to; None: alerts only go to standard output.
    """

    model: str | None = None
    eve: Path | None = None


@dataclass(frozen=True)
class ModelsSettings:
    """Which models a sensor uses, beyond the one that it starts with.

    Attributes
    ----------
    folder : Path or None
        Where ``champion.toml`` and ``challenger.toml`` may lie; None: the model never changes.
    threshold : float or None
        Probability from which a connection is called mining; None: the model's own.
    """

    folder: Path | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class StateSettings:
    """What a sensor remembers.

    Attributes
    ----------
    folder : Path or None
        Where it keeps what has to outlive it; None: nothing is kept.
    """

    folder: Path | None = None


@dataclass(frozen=True)
class EvidenceSettings:
    """What is kept of packets, for whoever looks at an incident.

    Attributes
    ----------
    folder : Path or None
        Where headers of the newest packets are kept; None: nothing of any packet is.
    size_mib : int
        Room on the disk for each interface, MiB.
    snaplen_bytes : int or None
        Bytes kept of each packet, payload included; None: headers alone.
    """

    folder: Path | None = None
    size_mib: int = 256
    snaplen_bytes: int | None = None

    @property
    def ring(self) -> HeaderRingSettings | None:
        """The same as a capture process wants it."""
        if self.folder is None:
            return None
        return HeaderRingSettings(self.folder, self.size_mib, self.snaplen_bytes)
