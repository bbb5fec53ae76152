"""How long to wait before something that failed is started again."""

FIRST_S, LONGEST_S = 0.5, 30.0
HEALTHY_S = 60.0  # what ran that long has nothing to do with the failure before


class Backoff:
    """Waits twice as long after each failure, up to a bound, and forgets after a healthy while."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def delay_s(self, ran_s: float) -> float:
        """Note a failure after `ran_s` seconds of work; give how long to wait, seconds."""
        if ran_s >= HEALTHY_S:
            self._next_s = FIRST_S
        delay_s, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_S)
        return delay_s
