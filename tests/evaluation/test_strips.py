import numpy as np
import pytest

from flowml.evaluation.strips import message_strip
from flowml.flows.packets import PacketSequences
from tests.evaluation.test_plots import drawn

START_MS = 1_700_000_000_000


def packets(*each: tuple[int, int]) -> PacketSequences:
    """One connection of (milliseconds, signed size)."""
    times, sizes = zip(*each, strict=True)
    return PacketSequences.from_counts(
        np.array([len(each)]), START_MS + np.array(times, np.int64), np.array(sizes, np.int32)
    )


def test_the_client_is_drawn_up_and_the_server_down_by_message() -> None:
    figure = message_strip(packets((0, 500), (40, -1000), (41, -400), (2000, 186)), "a miner")
    (axes,) = figure.axes
    up, down = (np.asarray(line.get_xydata()) for line in axes.lines[:2])
    np.testing.assert_allclose(up, [(0.0, 500), (2.0, 186)])
    np.testing.assert_allclose(down, [(0.04, -1400)])
    assert axes.get_xlabel() == "seconds since the first packet shown (3 messages)"
    assert axes.get_title(loc="left") == "a miner"
    assert drawn(figure).startswith(b"\x89PNG")


def test_both_directions_have_the_same_scale() -> None:
    (axes,) = message_strip(packets((0, 20), (40, -500_000)), "a download").axes
    low, high = axes.get_ylim()
    assert -low == high > 500_000
    assert [label.get_text() for label in axes.get_yticklabels()][-2:] == ["100 kB", "1 MB"]


def test_time_begins_with_the_first_packet_shown_and_spans_at_least_a_second() -> None:
    (axes,) = message_strip(packets((300, 500), (480, -400)), "a moment").axes
    assert axes.get_xlim() == (-0.02, 1.02)


def test_a_connection_without_messages_is_an_empty_strip() -> None:
    assert drawn(message_strip(PacketSequences.empty(1), "silence"))


def test_a_title_is_text_and_no_formula() -> None:
    assert drawn(message_strip(packets((0, 100)), r"bad$\frac{name"))


def test_more_than_one_connection_is_refused() -> None:
    with pytest.raises(ValueError, match="one connection, got those of 2"):
        message_strip(PacketSequences.empty(2), "two")
