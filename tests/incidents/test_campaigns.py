from pathlib import Path

import numpy as np
import pytest

from flowml.incidents.campaigns import findings, push_times_ms, together_count
from flowml.incidents.store import IncidentStore
from tests.incidents.seen import START, pushed, seen, with_rate


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return IncidentStore(tmp_path)


def found(store: IncidentStore, number: int) -> tuple[str, ...]:
    detail = store.incident(number)
    assert detail is not None
    return tuple(said.text for said in findings(store, detail))


def test_hosts_with_one_pool_are_a_campaign_and_others_are_not(store: IncidentStore) -> None:
    store.take(
        [seen("10.0.0.2"), seen("10.0.0.3"), seen("10.0.0.4", port=4444), seen("10.0.0.5", "203.0.113.5")]
    )
    assert found(store, 1) == ("One campaign: 10.0.0.3 mine at 198.51.100.7:3333 too.",)
    assert found(store, 4) == ()


def test_a_list_of_hosts_is_cut(store: IncidentStore) -> None:
    store.take([seen(f"10.0.0.{number}") for number in range(2, 12)])
    (sentence,) = found(store, 1)
    assert sentence.endswith("10.0.0.4, 10.0.0.5 and 4 more mine at 198.51.100.7:3333 too.")


def test_work_in_the_same_instants_joins_hosts_at_two_ports_of_a_server(store: IncidentStore) -> None:
    jobs = (10.0, 31.0, 75.0, 90.0)
    store.take(
        [
            pushed(seen("10.0.0.2"), *jobs),
            pushed(seen("10.0.0.3", port=443), *jobs, delay_s=0.02),
            pushed(seen("10.0.0.4", port=8080), 12.0, 33.0, 71.0, 97.0),
        ]
    )
    assert found(store, 1) == (
        "One campaign: 198.51.100.7 sent work to 10.0.0.3 in the same instants (4 of 4 within 50 ms).",
    )
    assert found(store, 3) == ()


def test_answers_and_segments_of_a_message_are_no_pushes() -> None:
    told = pushed(seen(), 10.0, 10.01, 40.0)
    assert push_times_ms(told).tolist() == [START + 10_000, START + 40_000]


def test_pushes_are_compared_where_both_were_seen() -> None:
    one, other = np.array([0, 10_000, 20_000, 30_000]), np.array([20_010, 30_020, 40_000])
    assert together_count(one, other) == (2, 2)
    assert together_count(one, np.zeros(0, np.int64)) == (0, 0)


def test_a_host_that_serves_miners_and_mines_is_a_proxy(store: IncidentStore) -> None:
    store.take([seen("10.0.0.9"), seen("10.0.0.2", "10.0.0.9"), seen("10.0.0.3", "10.0.0.9")])
    assert found(store, 1) == (
        "A mining proxy: 10.0.0.2, 10.0.0.3 mine at 10.0.0.9, which itself mines at 198.51.100.7:3333.",
    )
    assert found(store, 2)[-1] == (
        "Its pool 10.0.0.9 is an internal host that itself mines at 198.51.100.7:3333."
    )


def test_a_longer_ipv6_address_that_begins_alike_is_another_host(store: IncidentStore) -> None:
    store.take([seen("fd00::1"), seen("fd00::a", "fd00::1:2"), seen("fd00::b", "fd00::1:2")])
    assert found(store, 1) == ()


def test_a_share_rate_of_many_workers_is_named(store: IncidentStore) -> None:
    store.take([with_rate(seen("10.0.0.2"), 42.0), with_rate(seen("10.0.0.3", "203.0.113.5"), 5.0)])
    (sentence,) = found(store, 1)
    assert sentence.startswith("Perhaps a proxy: 42 shares a minute")
    assert found(store, 2) == ()
