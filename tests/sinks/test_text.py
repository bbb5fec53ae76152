from hypothesis import given
from hypothesis import strategies as st

from flowml.sinks.text import encodable, iso_utc, printable

everything = st.text(st.characters(exclude_categories=()))  # lone surrogates too: file names can hold them


@given(everything, st.integers(4, 100))
def test_whatever_a_packet_claims_becomes_one_printable_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert len(shown) <= limit


def test_escape_sequences_and_direction_marks_are_shown_not_obeyed() -> None:
    assert printable("a\x1b[31mred\nb\u202ec") == "a\\x1b[31mred\\nb\\u202ec"


def test_readable_names_stay_as_they_are() -> None:
    assert printable("プール.example") == "プール.example"


def test_a_long_name_is_cut_and_says_so() -> None:
    assert printable("a" * 65536) == "a" * 79 + "…"


@given(everything)
def test_what_is_encodable_survives_strict_utf8(text: str) -> None:
    assert encodable(text).encode("utf-8").decode("utf-8") == encodable(text)


def test_times_have_milliseconds_and_say_utc() -> None:
    assert iso_utc(1_700_000_000_007) == "2023-11-14T22:13:20.007Z"
    assert iso_utc(-1) == "1969-12-31T23:59:59.999Z"
