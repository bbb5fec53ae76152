"""However many processes score a file, the same is told of it."""

import multiprocessing
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flowml.capture import loop
from flowml.capture.files import Amounts, file_meter
from flowml.capture.settings import ONLY_TCP, MeterSettings, Shard
from flowml.capture.sources import open_capture
from flowml.capture.step import Step
from flowml.detections.verdict import Thresholds
from flowml.errors import CaptureError
from flowml.models.bundle import ModelBundle, load_bundle
from flowml.models.shipped import SHIPPED_DIGEST, SHIPPED_NAME, SHIPPED_VERSION
from flowml.service.ahead import OpenedAhead
from flowml.service.files import Evictions, FileScoring, Order, capture_to_score, score_steps
from flowml.service.telling import Placed, Told, Wanted, together
from flowml.service.workers import SharedScoring, score_in_parts, score_side_by_side
from tests.traffic import both, write_capture

ALL = Wanted(connections=True, eve=True)


@pytest.fixture(scope="module")
def model(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.config.rootpath / "models" / SHIPPED_NAME / SHIPPED_VERSION
    return folder


@pytest.fixture(scope="module")
def bundle(model: Path) -> ModelBundle:
    """The shipped model, which here calls much mining: a test of order needs alerts."""
    found = load_bundle(model)
    return replace(found, thresholds=Thresholds(0.02, 0.01, 0.5))


def metered(path: Path, bundle: ModelBundle, shard: Shard) -> tuple[list[Told], Amounts]:
    amounts = Amounts()

    def steps() -> Iterator[Step]:
        with open_capture(path, allow_partial=True) as source:
            for step in file_meter(MeterSettings(), shard).steps(source.readable_path):
                amounts.add(step)
                yield step

    return list(score_steps(path, steps(), bundle, ALL, Evictions())), amounts


def assert_same_in_parts(path: Path, bundle: ModelBundle, count: int) -> int:
    """Give how many lines were told."""
    whole, amounts = metered(path, bundle, ONLY_TCP)
    parts = [metered(path, bundle, replace(ONLY_TCP, number=number, count=count)) for number in range(count)]
    moments = [together(moment) for moment in zip(*(told for told, _ in parts), strict=True)]
    assert [told.connections for told in moments] == [together([told]).connections for told in whole]
    assert [told.eve for told in moments] == [told.eve for told in whole]
    assert [told.tagged for told in moments] == [told.tagged for told in whole]
    assert [str(told.tally) for told in moments] == [str(told.tally) for told in whole]
    assert sum(amount.packets for _, amount in parts) == amounts.packets
    assert sum(amount.flows for _, amount in parts) == amounts.flows
    assert sum(amount.passed_over for _, amount in parts) == amounts.passed_over
    return sum(len(told.connections) for told in whole)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    traffic = {}
    for seed in range(12):
        for ends, packets in both(seed=seed).items():
            traffic[type(ends)(ends.client_ip, ends.client_port + seed, *list(vars(ends).values())[2:])] = (
                packets
            )
    return write_capture(tmp_path / "many.pcap", traffic)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_parts_of_a_capture_are_the_whole_of_it(
    many: Path, bundle: ModelBundle, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "MOMENT_PACKETS", 500)
    assert assert_same_in_parts(many, bundle, count) == 24


def test_how_many_records_fit_into_a_batch_changes_nothing(
    many: Path, bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "MOMENT_PACKETS", 500)
    large, _ = metered(many, bundle, ONLY_TCP)
    monkeypatch.setattr(loop, "BATCH_RECORDS", 2)
    small, _ = metered(many, bundle, ONLY_TCP)
    assert [told.connections for told in small] == [told.connections for told in large]


@pytest.mark.captures
def test_tunnels_fragments_and_all_else_that_is_real_is_the_same_in_parts(
    captures: Path, bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "MOMENT_PACKETS", 2000)
    words = (
        "gtp",
        "gre",
        "vxlan",
        "frag",
        "ipip",
        "6in4",
        "teredo",
        "tls",
        "http",
        "mining",
        "ipv6",
        "ookla",
    )
    chosen = [
        path
        for path in sorted((captures / "ndpi").glob("*.pcap*"))
        if any(word in path.name.lower() for word in words) and path.stat().st_size < 2_000_000
    ]
    lines = 0
    for path in chosen[::2]:
        try:
            lines += assert_same_in_parts(path, bundle, 3)
        except CaptureError as error:
            assert "link type" in str(error)  # noqa: PT017  those are refused whole, too
    assert lines > 20


def order(model: Path, jobs: int = 2) -> Order:
    return Order(jobs, load_bundle(model, SHIPPED_DIGEST), ALL, allow_partial=False)


def lines_of(scoring: FileScoring | SharedScoring) -> list[Placed]:
    return [line for told in scoring.told() for line in told.connections]


def test_processes_tell_what_this_one_tells(many: Path, model: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin.pcap"
    twin.write_bytes(many.read_bytes())
    bundle = load_bundle(model)
    alone = {
        path: lines_of(FileScoring(capture_to_score(path, allow_partial=False), bundle, ALL))
        for path in (many, twin)
    }
    with score_side_by_side([many, twin], order(model)) as scorings:
        for path, scoring in zip((many, twin), scorings, strict=True):
            assert lines_of(scoring) == alone[path]
            assert scoring.notes() == []
    with (
        closing(OpenedAhead(many, allow_partial=False)) as opened,
        score_in_parts(opened, order(model)) as scorings,
    ):
        (scoring,) = scorings
        assert lines_of(scoring) == alone[many]
        assert scoring.notes() == []
    assert not multiprocessing.active_children()
    assert len(alone[many]) == 24
    assert np.unique([place for place, _ in alone[many]], axis=0).shape[0] == 24


def test_a_capture_that_cannot_be_read_is_told_and_leaves_the_others_alone(
    many: Path, model: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(many.read_bytes()[:-7])
    with (
        pytest.raises(CaptureError, match="cut or corrupt"),
        closing(OpenedAhead(cut, allow_partial=False)) as opened,
        score_in_parts(opened, order(model)) as scorings,
    ):
        list(scorings)
    bad, good = [], []
    with score_side_by_side([cut, many], order(model)) as scorings:
        for scoring in scorings:
            try:
                good += list(scoring.told())
            except CaptureError as error:
                bad.append(str(error))
    assert "cut or corrupt" in bad[0]
    assert sum(len(told.connections) for told in good) == 24
