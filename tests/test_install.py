"""The package as pip builds it: one wheel for every Python, a slower one where nothing can be compiled."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.capture.frames import conversation, pcap
from tests.processes import ENVIRONMENT
from tests.traffic import save_detector

PARTS = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "LICENSES.md", "models", "src")


def _wheel(repository: Path, folder: Path, **environment: str) -> Path:
    """Build the wheel from a copy, in which no earlier build lies about."""
    copy = folder / "copy"
    copy.mkdir()
    for part in map(repository.joinpath, PARTS):
        if part.is_dir():
            ignored = shutil.ignore_patterns("*.so", "*.egg-info", "__pycache__")
            shutil.copytree(part, copy / part.name, ignore=ignored)
        else:
            shutil.copy(part, copy)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run([*pip, "--wheel-dir", folder, copy], check=True, env={**os.environ, **environment})
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_one_wheel_with_its_licences_and_model_serves_every_python(repository: Path, tmp_path: Path) -> None:
    wheel = _wheel(repository, tmp_path, CC="gcc")
    assert "-cp311-abi3-linux_" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert "flowml/capture/_meter.abi3.so" in names
    for end in ("licenses/LICENSE", "licenses/LICENSES.md", "share/flowml/models/flowml/5/SHA256SUMS"):
        assert any(name.endswith(end) for name in names), end


def test_without_a_compiler_files_are_metered_slowly_and_interfaces_refused(
    repository: Path, tmp_path: Path
) -> None:
    installed = tmp_path / "installed"
    with zipfile.ZipFile(_wheel(repository, tmp_path, CC="/bin/false")) as wheel:
        wheel.extractall(installed)
    assert not list(installed.rglob("*.so"))
    (tmp_path / "a.pcap").write_bytes(pcap(conversation()))
    save_detector(tmp_path / "model")

    def flowml(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flowml.cli.main", *words, "--model", "model"],
            cwd=tmp_path,
            env={**ENVIRONMENT, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )

    scored = flowml("score", "a.pcap", "a.pcap")
    assert scored.returncode == 0, scored.stderr
    assert "2 connections seen" in scored.stdout
    (slow,) = scored.stderr.splitlines()
    assert slow.startswith("flowml: metering with NFStream's own loop, ten times slower")
    live = flowml("live", "-i", "lo")
    assert live.returncode == 2
    (refused,) = live.stderr.splitlines()
    assert refused.startswith(
        "flowml: the packet loop is not compiled, live metering needs it; install a C compiler"
    )
