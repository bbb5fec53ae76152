"""Why a request was refused, as sentences: programs get them in English, people in their language."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException

from flowml.detections.sentence import Figure, say

REFUSALS: Mapping[str, str] = {
    "refused.no_incident": "no incident {number}",
    "refused.no_ring": "nothing of any packet is kept; set folder in [evidence]",
    "refused.no_packets": "no packet of incident {number} is kept any more",
    "refused.role": "{name} is {role}; this needs {needed}",
    "refused.no_token": "expected the session's token in {header} or in the form; reload the page",
    "refused.went_wrong": "an error of flowml's own; its log says more",
    "refused.no_database": "{why}",
}
"""Every reason that people meet, in English."""


class Refused(HTTPException):
    """A request that is refused, and why.

    Parameters
    ----------
    status : int
        Of HTTP.
    key : str
        Which of `REFUSALS`, without ``refused.``.
    figures
        What is put into it.
    """

    def __init__(self, status: int, key: str, **figures: Figure) -> None:
        self.said = say(REFUSALS, f"refused.{key}", **figures)
        super().__init__(status, self.said.text)
