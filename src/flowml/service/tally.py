"""What a run saw, in figures."""

from collections import Counter
from statistics import median

from flowml.detections.policy import Conclusions
from flowml.detections.verdict import Label


class Tally:
    """Counts connections and how soon mining was found.

    Attributes
    ----------
    ended : Counter of Label
        Connections with payload in both directions, by what was concluded at their end.
    delays_s : list of float
        For each alert, seconds from the connection's first packet to the verdict.
    undelivered : int
        Alerts and events that a sink did not take, counted once for each sink.
    evicted : Counter of str
        For each source, connections that ended early because too many were open.
    """

    def __init__(self) -> None:
        self.ended: Counter[Label] = Counter()
        self.delays_s: list[float] = []
        self.undelivered = 0
        self.evicted: Counter[str] = Counter()

    def add(self, conclusions: Conclusions) -> None:
        """Count conclusions."""
        self.ended.update(verdict.label for verdict in conclusions.ended)
        self.ended.update(conclusions.untold)
        self.delays_s += [
            alert.verdict.detected_after_s
            for alert in conclusions.alerts
            if alert.verdict.detected_after_s is not None
        ]

    def merge(self, other: "Tally") -> None:
        """Count what `other` counted, too."""
        self.ended.update(other.ended)
        self.delays_s += other.delays_s
        self.undelivered += other.undelivered
        self.evicted += other.evicted

    def __str__(self) -> str:
        """Say it in a line."""
        said = (
            f"{self.ended.total()} connections seen, {self.ended[Label.MINING]} tagged as mining, "
            f"{self.ended[Label.UNSURE]} unsure"
        )
        if self.delays_s:
            said += (
                f"; tagged {median(self.delays_s):.0f} s after their first packet (median), "
                f"{max(self.delays_s):.0f} s at most"
            )
        if self.undelivered:
            said += f"; {self.undelivered} alerts or events not delivered"
        return said
