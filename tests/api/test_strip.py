from flowml.api.strip import picture


def test_the_client_s_messages_go_up_and_the_server_s_down() -> None:
    drawn = picture([(0.0, 186), (0.1, -64), (10.0, 186)])
    assert (drawn.up, drawn.down, drawn.limit, drawn.span_s) == (2, 1, 186, 10.0)
    assert drawn.up_path == "M4.0 100V10.0M996.0 100V10.0"
    assert drawn.down_path.startswith("M13.9 100V1")


def test_nothing_seen_is_nothing_drawn() -> None:
    assert picture([]).lines == 0


def test_messages_of_one_moment_stand_in_the_middle() -> None:
    assert picture([(3.0, 10)]).up_path == "M500.0 100V10.0"
