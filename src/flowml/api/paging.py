"""Pages of a long list: which rows, and where the next ones are."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

PAGE_ROWS = 25
MAX_PAGES = 40_000  # a million rows


@dataclass(frozen=True)
class Paging:
    """One page of many.

    Attributes
    ----------
    path : str
    query : mapping
        What was asked for, but the page.
    number : int
        From 1.
    total : int
        Rows of all pages.
    """

    path: str
    query: Mapping[str, str]
    number: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PAGE_ROWS))

    @property
    def first(self) -> int:
        """Number of the first row, from 1."""
        return min((self.number - 1) * PAGE_ROWS + 1, self.total)

    @property
    def last(self) -> int:
        """Number of the last row."""
        return min(self.number * PAGE_ROWS, self.total)

    @property
    def before(self) -> str:
        """Where newer rows are; empty: there are none."""
        return self._at(min(self.number - 1, self.pages)) if self.number > 1 else ""

    @property
    def after(self) -> str:
        """Where older rows are; empty: there are none."""
        return self._at(self.number + 1) if self.number < self.pages else ""

    def _at(self, number: int) -> str:
        query = urlencode({**self.query, **({"page": number} if number > 1 else {})})
        return f"{self.path}?{query}" if query else self.path
