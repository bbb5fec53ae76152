import re
from collections.abc import Mapping, Set
from pathlib import Path

import pytest

from flowml.api.language import LANGUAGES, Said, catalogue, choose
from flowml.api.refusals import REFUSALS
from flowml.detections.explanation import EXPLANATIONS
from flowml.detections.sentence import Sentence, say
from flowml.incidents.campaigns import FINDINGS
from flowml.service.health_words import HEALTH

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "flowml" / "api"
SENTENCES = {**EXPLANATIONS, **FINDINGS, **HEALTH, **REFUSALS}


def test_all_catalogues_have_the_same_keys_and_places() -> None:
    known = catalogue("en").words
    assert_same(catalogue("ja").words.keys() - SENTENCES.keys(), "ja", known)


def test_a_check_is_named_with_what_it_is_about() -> None:
    kinds = {key.removeprefix("checked.").partition("_")[0] for key in HEALTH}
    assert all(f"check.{kind}" in catalogue(code).words for kind in kinds for code in LANGUAGES)
    assert catalogue("ja").check("losses eth1") == "パケット損失 · eth1"
    assert catalogue("en").check("mood") == "mood"


def test_every_sentence_can_be_said_in_every_language_with_the_same_figures() -> None:
    for code in LANGUAGES.keys() - {"en"}:
        assert_same(catalogue(code).words.keys() & SENTENCES.keys(), code, SENTENCES)


def assert_same(keys: Set[str], code: str, known: Mapping[str, str]) -> None:
    assert keys == known.keys()
    for key in keys:
        text = catalogue(code).words[key]
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", known[key])), key


def test_a_sentence_is_said_in_the_reader_s_language() -> None:
    sentence = say(EXPLANATIONS, "explanation.trickle", span_s=600.0, second_bytes=41.2, quiet_ratio=0.96)
    assert catalogue("en").say(sentence) == Said(sentence.text, "en")
    assert catalogue("ja").say(sentence) == Said(
        "直近 10 分の通信量は双方を合わせて毎秒 41 バイトで、96% の時間は通信がありません。", "ja"
    )


@pytest.mark.parametrize(
    "sentence",
    [
        Sentence("As an earlier flowml stored it."),
        Sentence("As a later flowml says it.", "explanation.mood", (("mood", "good"),)),
        Sentence("With other figures.", "explanation.trickle", (("span_s", 600.0),)),
    ],
)
def test_what_cannot_be_said_in_a_language_stays_english(sentence: Sentence) -> None:
    assert catalogue("ja").say(sentence) == Said(sentence.text, "en")


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
