from __future__ import annotations

from pathlib import Path

import pytest

from flowml.datasets.manifest import read_data_set
from flowml.datasets.public import check, read_public, write_collection
from flowml.errors import DataError

LIST = Path(__file__).parents[2] / "datasets" / "public.toml"
_ENTRY = """[some]
label = "mining"
use = "train"
licence = "MIT"
source = "example \\"of\\" one"
content = "nothing"
url = "http://127.0.0.1:9/x/"
[some.files]
"{name}" = "{sha256}"
"""


def _list(tmp_path: Path, name: str = "a b.pcap", sha256: str = "0" * 64) -> Path:
    path = tmp_path / "public.toml"
    path.write_text(_ENTRY.format(name=name, sha256=sha256))
    return path


def test_every_source_of_the_shipped_list_may_be_fitted_on_and_says_where_it_is() -> None:
    sources = {source.name: source for source in read_public(LIST)}
    assert set(sources) == {"cj_sniffer", "iot_sentinel", "ndpi"}
    assert {source.about["use"] for source in sources.values()} == {"train"}
    assert len(sources["cj_sniffer"].files) == 31
    assert sources["cj_sniffer"].is_public
    assert not sources["ndpi"].is_public, "it was cut, so nobody has it at a public address"


def test_the_shipped_checksums_are_those_of_the_real_captures(captures: Path) -> None:
    for source in read_public(LIST):
        assert check(source, captures) == len(source.files)


def test_a_capture_that_is_not_the_listed_one_is_named(tmp_path: Path) -> None:
    (source,) = read_public(_list(tmp_path))
    assert check(source, tmp_path) == 0
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "a b.pcap").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"a b.pcap: SHA-256 \w{12}\.\. instead of 0{12}\.\."):
        check(source, tmp_path)


def test_a_name_is_quoted_in_its_address(tmp_path: Path) -> None:
    (source,) = read_public(_list(tmp_path))
    assert [file.url for file in source.files] == ["http://127.0.0.1:9/x/a%20b.pcap"]


def test_a_fetched_folder_is_a_collection(tmp_path: Path) -> None:
    sources = read_public(_list(tmp_path))
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "a b.pcap").write_bytes(b"")
    write_collection(tmp_path, sources)
    (capture,) = read_data_set(tmp_path)
    assert (capture.source, capture.is_mining, capture.may_fit) == ("some", True, True)


@pytest.mark.parametrize(
    ("name", "sha256", "said"),
    [
        ("../a.pcap", "0" * 64, "a bare file name is expected"),
        (".hidden", "0" * 64, "a bare file name is expected"),
        ("a.pcap", "0" * 63, "malformed entry"),
        ("a.pcap", "0" * 62, "64 hexadecimal digits"),
    ],
)
def test_a_list_that_is_not_what_it_should_be_is_one_line(
    name: str, sha256: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=said):
        read_public(_list(tmp_path, name, sha256))


def test_addresses_of_other_kinds_are_refused(tmp_path: Path) -> None:
    path = _list(tmp_path)
    path.write_text(path.read_text().replace("http://127.0.0.1:9", "file:///etc"))
    with pytest.raises(DataError, match="http or https is expected"):
        read_public(path)


def test_a_list_that_is_missing_or_no_toml_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_public(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("=")
    with pytest.raises(DataError, match="not TOML"):
        read_public(tmp_path / "bad.toml")
