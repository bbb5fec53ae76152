"""Pages: templates filled in the reader's language, with every foreign character made harmless."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import HTMLResponse

from flowml.api.access import Visitor
from flowml.api.language import LANGUAGES, Catalogue, catalogue, choose
from flowml.sinks.text import printable

THEMES = ("auto", "light", "dark")
_ESCAPE_CHARS = 12  # of the longest escape of one character


def harmless(value: Any) -> Any:
    """Escape controls and direction marks; a text may have lines. HTML is the template's matter."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "\n".join(printable(line, _ESCAPE_CHARS * len(line) + 1) for line in value.split("\n"))


def language_of(request: Request) -> Catalogue:
    """The words in the language of whoever asks."""
    return catalogue(choose(request.cookies.get("language"), request.headers.get("accept-language", "")))


def theme_of(request: Request) -> str:
    """Light, dark, or as the system has it."""
    kept = request.cookies.get("theme", "")
    return kept if kept in THEMES else THEMES[0]


def clock(time_ms: int) -> Markup:
    """A time as people read it; browsers show it in their own zone (`dashboard.js`)."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    )


def counted(number: float) -> str:
    """A number as people read it: 12,345 or 1.2 M."""
    for limit, unit in ((1e9, " G"), (1e6, " M")):
        if abs(number) >= limit:
            return f"{number / limit:.1f}{unit}"
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 100 else f"{number:.3g}"


def byte_count(number: float) -> str:
    """A size in bytes, in units of 1,000 as networks have them."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= limit:
            return f"{number / limit:.1f} {unit}"
    return f"{number:.0f} B"


def markdown(text: str) -> Markup:
    """A card of a model as HTML; HTML in it is text, and nothing is fetched."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    return Markup(reader.render(harmless(text)))  # noqa: S704  # markdown-it escapes what it does not know


class Renderer:
    """Fills templates.

    Parameters
    ----------
    version : str
        Of flowml: browsers fetch its files anew after an upgrade.
    """

    def __init__(self, version: str) -> None:
        self._version = version
        self._environment = Environment(
            loader=PackageLoader("flowml.api"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=harmless,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"clock": clock, "counted": counted, "bytes": byte_count}

    def page(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        who: Visitor | None = None,
        status: int = 200,
    ) -> HTMLResponse:
        """Fill a template.

        Parameters
        ----------
        request : Request
        template : str
            Name of its file.
        values : mapping
            What the template asks for.
        who : Visitor or None
            None: a page before the login.
        status : int
            HTTP status.
        """
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        known = {
            "t": language_of(request),
            "theme": theme_of(request),
            "languages": LANGUAGES,
            "version": self._version,
            "here": here if request.method == "GET" else "/",
            "who": who,
        }
        text = self._environment.get_template(template).render({**known, **values})
        return HTMLResponse(text.encode("utf-8", "backslashreplace"), status)
