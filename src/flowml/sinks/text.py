"""Foreign text made harmless: names from packets and paths reach terminals and lines only through here."""

from datetime import UTC, datetime

NAME_CHARS = 80  # of a foreign name on a terminal; a DNS name may have 253, which no table row can show


def printable(text: str, limit: int = NAME_CHARS) -> str:
    """Give `text` as one line that no terminal takes for a command.

    Parameters
    ----------
    text : str
        Anything, such as a server name that a packet claims.
    limit : int
        Longest result, in characters; what is cut off shows as an ellipsis.

    Returns
    -------
    str
        Printable characters (Unicode's sense: no controls, no line or direction marks, no lone surrogates)
        as they are, all others as backslash escapes.
    """
    if text.isprintable() and len(text) <= limit:  # nearly all, and looked at by one call
        return text
    cut = text[: limit + 1]  # escapes only lengthen: nothing behind it could show
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def encodable(text: str) -> str:
    """Replace what UTF-8 cannot carry (bytes of a file name that are no text) by escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def iso_utc(time_ms: int) -> str:
    """Write a time (epoch, ms) as ISO 8601 in UTC with milliseconds, as in ``2026-11-23T07:05:59.123Z``."""
    seconds, rest = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:03d}Z"
