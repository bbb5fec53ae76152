"""Records are turned so that the source is the same side in every slice."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowml.capture.records import MIRRORS, flow_batch, until_nul
from flowml.flows.packets import PacketSequences
from flowml.schema import RECORD_COLUMNS, SRC_IP


def test_every_figure_of_one_side_has_its_mirror() -> None:
    names = {column.name for column in RECORD_COLUMNS}
    sided = {name for name in names if name.startswith(("src2dst", "src_", "dst2src", "dst_"))}
    assert MIRRORS.keys() == set(MIRRORS.values()) == sided


@given(swapped=st.lists(st.booleans(), min_size=1, max_size=20), seed=st.integers(0, 1000))
def test_turning_twice_gives_the_record_back_and_turning_once_its_mirror(
    swapped: list[bool], seed: int
) -> None:
    random, turned = np.random.default_rng(seed), np.array(swapped)
    columns = {
        column.name: random.integers(0, 200, len(swapped)).astype(column.numpy_dtype)
        for column in RECORD_COLUMNS
    }
    counts = random.integers(0, 4, len(swapped))
    sizes = random.integers(1, 1500, counts.sum()).astype(np.int32)
    packets = PacketSequences.from_counts(counts, np.arange(counts.sum()), sizes)
    once = flow_batch(columns, packets, turned)
    for source, destination in MIRRORS.items():
        np.testing.assert_array_equal(once.columns[source][turned], columns[destination][turned])
        np.testing.assert_array_equal(once.columns[source][~turned], columns[source][~turned])
    np.testing.assert_array_equal(once.packets.size_bytes < 0, np.repeat(turned, counts))
    twice = flow_batch(once.columns, once.packets, turned)
    np.testing.assert_array_equal(twice[SRC_IP], columns[SRC_IP.name])
    np.testing.assert_array_equal(twice.packets.size_bytes, sizes)


@given(st.lists(st.binary(min_size=6, max_size=6), max_size=20))
def test_a_text_ends_at_its_first_nul_whatever_is_behind_it(texts: list[bytes]) -> None:
    values = np.frombuffer(b"".join(texts), "S6")
    before = values.tobytes()
    assert until_nul(values).tobytes() == b"".join(text.split(b"\0")[0].ljust(6, b"\0") for text in texts)
    assert values.tobytes() == before
