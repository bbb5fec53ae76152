import socket
from pathlib import Path

from tests.api.running import write_config
from tests.processes import flowml


def test_without_a_state_folder_there_is_nothing_to_show(tmp_path: Path) -> None:
    config = tmp_path / "flowml.toml"
    config.write_text("")
    done = flowml("dashboard", "--config", config)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"flowml: {config}: state.folder is not set, so no incidents are kept; set it"
    )
    assert done.stderr.count("\n") == 1


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "flowml.toml"
    config.write_text('[state]\nfolder = "nowhere"\n')
    done = flowml("dashboard", "--config", config)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "nowhere" in done.stderr


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = write_config(tmp_path)
        config.write_text(config.read_text().replace("port = 0", f"port = {taken.getsockname()[1]}"))
        done = flowml("dashboard", "--config", config)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Address already in use" in done.stderr


def test_an_open_address_without_users_is_refused(tmp_path: Path) -> None:
    done = flowml("dashboard", "--config", write_config(tmp_path, 'listen = "0.0.0.0"'))
    assert done.returncode == 2
    assert "expected users" in done.stderr


def test_users_without_a_file_for_them_are_refused(tmp_path: Path) -> None:
    done = flowml("dashboard", "--config", write_config(tmp_path), "add-token", "export")
    assert done.returncode == 2
    assert "dashboard.users: not set" in done.stderr


def test_a_certificate_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    config = write_config(tmp_path, 'tls_certificate = "x.pem"', 'tls_key = "x.pem"')
    done = flowml("dashboard", "--config", config)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be used with" in done.stderr
