import pytest

from flowml.detections.sentence import ENGLISH, duration_parts, filled, say


def test_figures_are_written_as_their_unit_is() -> None:
    template = (
        "{sent_messages} in {span_s}: {size_bytes} bytes, {delay_ms} ms, {alike_ratio}, "
        "{sent_per_min} a minute"
    )
    sentence = say(
        {"k": template}, "k", sent_messages=1, span_s=61.55, size_bytes=185.6, delay_ms=29.96,
        alike_ratio=0.304347826, sent_per_min=4.91234567,
    )  # fmt: skip
    assert sentence.text == "1 message in 61.5 s: 186 bytes, 30 ms, 30%, 4.9 a minute"
    assert dict(sentence.figures)["alike_ratio"] == 0.3043
    assert filled(template, dict(sentence.figures), ENGLISH) == sentence.text


def test_names_from_elsewhere_are_text_and_no_template() -> None:
    assert say({"k": "to {host}"}, "k", host="{size_bytes}").text == "to {size_bytes}"


def test_a_figure_that_is_missing_is_told() -> None:
    with pytest.raises(KeyError, match="span_s"):
        filled("{span_s}", {}, ENGLISH)


@pytest.mark.parametrize(
    ("seconds", "parts"),
    [(0, ("0", "s")), (119.9, ("120", "s")), (600, ("10", "min")), (7200, ("2.0", "h"))],
)
def test_times_have_the_unit_in_which_people_think(seconds: float, parts: tuple[str, str]) -> None:
    assert duration_parts(seconds) == parts
