from flowml.service.backoff import FIRST_S, HEALTHY_S, LONGEST_S, Backoff


def test_the_pause_doubles_up_to_its_bound_and_no_further() -> None:
    backoff = Backoff()
    delays = [backoff.delay_s(ran_s=1.0) for _ in range(10)]
    assert delays[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert delays[-1] == LONGEST_S


def test_a_healthy_while_makes_up_for_the_failures_before() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay_s(ran_s=0.0)
    assert backoff.delay_s(ran_s=HEALTHY_S) == FIRST_S
    assert backoff.delay_s(ran_s=0.0) == 2 * FIRST_S
