"""flowml meter writes one table, tells its accounts on standard error, and refuses in one line."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowml.cli.meter import meter
from flowml.datasets.store import read_flows
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from flowml.schema import UID
from tests.capture.frames import conversation, pcap


def test_several_captures_become_one_table_with_its_accounts(tmp_path: Path) -> None:
    for name in ("a.pcap", "b.pcap"):
        (tmp_path / name).write_bytes(pcap(conversation()))
    output = tmp_path / "flows.parquet"
    arguments = [str(tmp_path / "a.pcap"), str(tmp_path / "b.pcap"), "-o", str(output)]
    result = CliRunner().invoke(meter, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert f"{tmp_path / 'b.pcap'}: 21 packets in the file, 21 metered" in result.stderr
    assert f"{output}: 2 records" in result.stderr
    assert result.stdout == ""
    batches, metadata = read_flows(output)
    assert FlowBatch.concat(list(batches))[UID].tolist() == [0, 1]
    assert metadata["accounting_mode"] == "3"


def test_without_the_compiled_loop_it_works_and_says_once_that_it_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flowml.capture._meter", None)
    monkeypatch.delattr("flowml.capture._meter", raising=False)
    for name in ("a.pcap", "b.pcap"):
        (tmp_path / name).write_bytes(pcap(conversation()))
    output = tmp_path / "flows.parquet"
    arguments = [str(tmp_path / "a.pcap"), str(tmp_path / "b.pcap"), "-o", str(output)]
    result = CliRunner().invoke(meter, arguments, catch_exceptions=False)
    assert result.stderr.count("ten times slower") == 1
    _, metadata = read_flows(output)
    assert metadata["meter"] == "nfstream"


def test_a_refused_capture_leaves_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(pcap(conversation()))
    (tmp_path / "b.pcap").write_bytes(b"")
    arguments = [str(tmp_path / "a.pcap"), str(tmp_path / "b.pcap"), "-o", str(tmp_path / "flows.parquet")]
    with pytest.raises(CaptureError, match="empty"):
        CliRunner().invoke(meter, arguments, catch_exceptions=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pcap", "b.pcap"]
