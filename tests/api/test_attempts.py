from flowml.api.attempts import MAX_FAILURES, WINDOW_MS, Attempts

NOW = 1_700_000_000_000


def test_after_many_failures_the_next_attempt_waits_until_the_first_is_old() -> None:
    attempts = Attempts()
    for number in range(MAX_FAILURES):
        assert attempts.wait_ms(["as mika"], NOW + number) == 0
        attempts.failed(["as mika"], NOW + number)
    assert attempts.wait_ms(["as mika"], NOW + MAX_FAILURES) == WINDOW_MS - MAX_FAILURES
    assert attempts.wait_ms(["as mika"], NOW + WINDOW_MS + 1) == 0


def test_the_address_counts_whatever_names_it_tries() -> None:
    attempts = Attempts()
    for number in range(MAX_FAILURES):
        attempts.failed(["from 192.0.2.1", f"as {number}"], NOW)
    assert attempts.wait_ms(["from 192.0.2.1", "as somebody"], NOW) > 0
    assert attempts.wait_ms(["from 192.0.2.2", "as somebody"], NOW) == 0


def test_success_forgets_failures() -> None:
    attempts = Attempts()
    for _ in range(MAX_FAILURES):
        attempts.failed(["as mika"], NOW)
    attempts.succeeded(["as mika"])
    assert attempts.wait_ms(["as mika"], NOW) == 0


def test_names_without_end_do_not_fill_the_memory() -> None:
    attempts = Attempts()
    for number in range(30_000):
        attempts.failed([f"as {number}"], NOW)
    assert len(attempts._failures) <= 10_000
