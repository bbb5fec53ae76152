"""What the capture process is asked to do."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from flowml.capture.header_ring import HeaderRingSettings
from flowml.capture.inputs import RingSettings
from flowml.capture.settings import MeterSettings


@dataclass(frozen=True)
class CaptureTask:
    """An interface to listen on, or a capture file to replay.

    Attributes
    ----------
    interface : str or None
        Its name; None for a replay.
    replay : str or None
        Path of a capture file; None to listen.
    speed : float
        Of a replay: seconds of packet time in a second.
    meter : MeterSettings
    ring : RingSettings
        Of an interface: between the kernel and the meter.
    headers : HeaderRingSettings or None
        Of an interface: what is kept of its packets; None: nothing.
    """

    interface: str | None = None
    replay: str | None = None
    speed: float = 1.0
    meter: MeterSettings = field(default_factory=MeterSettings)
    ring: RingSettings = field(default_factory=RingSettings)
    headers: HeaderRingSettings | None = None

    def __post_init__(self) -> None:
        if (self.interface is None) == (self.replay is None):
            raise ValueError(f"expected an interface or a file, got {self.interface} and {self.replay}")

    @property
    def source(self) -> str:
        """Name of the interface or file."""
        return self.interface or str(self.replay)

    def to_json(self) -> str:
        """Write the task as text for the command line of the capture process."""
        return json.dumps(asdict(self), default=str)  # the one thing that JSON does not know is a path

    @classmethod
    def from_json(cls, text: str) -> "CaptureTask":
        """Read what `to_json` wrote."""
        values = json.loads(text)
        meter = values.pop("meter")
        for name in ("snapshot_ages_s", "snapshot_packets"):  # JSON knows no tuples
            meter[name] = tuple(meter[name])
        ring = RingSettings(**values.pop("ring"))
        headers = values.pop("headers")
        if headers is not None:
            headers = HeaderRingSettings(**headers | {"folder": Path(headers["folder"])})
        return cls(**values, meter=MeterSettings(**meter), ring=ring, headers=headers)

    @property
    def replay_path(self) -> Path:
        """The capture file, of a replay."""
        if self.replay is None:
            raise ValueError(f"{self.source} is no file")
        return Path(self.replay)
