import re
from pathlib import Path

import pytest

from flowml.api.language import LANGUAGES, catalogue, choose

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "flowml" / "api"


def test_all_catalogues_have_the_same_keys_and_places() -> None:
    known = catalogue("en").words
    for code in LANGUAGES:
        words = catalogue(code).words
        assert words.keys() == known.keys()
        for key, text in words.items():
            assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", known[key])), key


def test_every_key_that_a_page_names_is_there() -> None:
    known = catalogue("en").words
    for template in (PACKAGE / "templates").glob("*.html"):
        for key in re.findall(r"""\bt\(['"]([\w.]+)['"](?!\s*~)[,)]""", template.read_text("utf-8")):
            assert key in known, f"{template.name}: {key}"


def test_japanese_is_japanese() -> None:
    untranslated = [
        key
        for key, text in catalogue("ja").words.items()
        if re.fullmatch(r"[\x00-\x7f]*", text) and text != "bit/s"
    ]
    assert untranslated == []


@pytest.mark.parametrize(
    ("kept", "accepted", "chosen"),
    [
        (None, "", "en"),
        (None, "ja,en;q=0.8", "ja"),
        (None, "de, ja;q=0.3, en;q=0.5", "en"),
        (None, "ja-JP", "ja"),
        ("ja", "en", "ja"),
        ("xx", "ja;q=x, en", "en"),
        (None, ";;;,,,=\x00", "en"),
    ],
)
def test_the_language_is_what_was_chosen_or_what_the_browser_asks_for(
    kept: str | None, accepted: str, chosen: str
) -> None:
    assert choose(kept, accepted) == chosen
