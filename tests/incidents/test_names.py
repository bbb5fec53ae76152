from pathlib import Path

import pytest

from flowml.errors import ConfigError
from flowml.incidents.asking import IncidentFilter
from flowml.incidents.names import HostNames, read_names
from flowml.incidents.settings import IncidentSettings
from flowml.incidents.store import IncidentStore
from tests.incidents.seen import seen


def listed(folder: Path, text: str) -> Path:
    path = folder / "hosts.csv"
    path.write_text(text)
    return path


def test_hosts_are_named_from_the_file_alone(tmp_path: Path) -> None:
    path = listed(tmp_path, "# inventory\n10.0.0.2, build-7 ,rack 3\n\nFD00:0::1,mail\n")
    names = HostNames(IncidentSettings(names_csv=path))
    assert names.of(["10.0.0.2", "fd00::1", "127.0.0.1"]) == {"10.0.0.2": "build-7", "fd00::1": "mail"}


def test_reverse_dns_is_asked_where_the_file_is_silent() -> None:
    assert HostNames(IncidentSettings(reverse_dns=True)).of(["127.0.0.1"]).keys() == {"127.0.0.1"}


@pytest.mark.parametrize("line", ["build-7,10.0.0.2", "10.0.0.2", "10.0.0,x"])
def test_a_line_that_names_nobody_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"line 2 .*expected an address and a name"):
        read_names(listed(tmp_path, f"10.0.0.1,a\n{line}\n"))


def test_a_name_stays_when_it_is_not_known_any_more(tmp_path: Path) -> None:
    store = IncidentStore(tmp_path)
    store.take([seen()], {"10.0.0.2": "build-7"})
    store.take([seen(number=2)])
    (incident,) = store.incidents(IncidentFilter(search="build"), 10, 0).incidents
    assert incident.name == "build-7"
