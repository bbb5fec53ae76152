"""The message strip as a picture: time against size, the client's messages up, the server's down."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HALF = 1000, 90
_MIDDLE = HALF + 10
_LEAST = 3  # so that the smallest message still shows


@dataclass(frozen=True)
class StripPicture:
    """A strip as SVG paths in a box of 1,000 by 200.

    Attributes
    ----------
    up_path, down_path : str
    up, down : int
        Messages of either side.
    limit : int
        Bytes at the upper and the lower edge; heights grow with the square root of the size.
    span_s : float
        Time from the left edge to the right one, seconds.
    """

    up_path: str
    down_path: str
    up: int
    down: int
    limit: int
    span_s: float

    @property
    def lines(self) -> int:
        """How many messages are shown."""
        return self.up + self.down


def picture(strip: Sequence[tuple[float, int]]) -> StripPicture:
    """Draw a strip: seconds and signed sizes."""
    first = min((at for at, _ in strip), default=0.0)
    span_s = max((at for at, _ in strip), default=0.0) - first
    limit = max((abs(size) for _, size in strip), default=0)
    up: list[str] = []
    down: list[str] = []
    for at, size in strip:
        x = 4 + (WIDTH - 8) * ((at - first) / span_s if span_s > 0 else 0.5)
        height = max(_LEAST, HALF * math.sqrt(abs(size) / limit)) if limit else 0
        (up if size > 0 else down).append(f"M{x:.1f} {_MIDDLE}V{_MIDDLE - math.copysign(height, size):.1f}")
    return StripPicture("".join(up), "".join(down), len(up), len(down), limit, span_s)
