"""Build the instrumented extension with libFuzzer in it, write the seeds, and fuzz."""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).resolve().parents[2]
C_FILES = (*sorted((REPOSITORY / "src/flowml/capture").glob("*.c")), REPOSITORY / "tests/fuzz/harness.c")
FLAGS = (
    "-shared", "-fPIC", "-std=gnu11", "-g", "-O1", "-fno-omit-frame-pointer", "-DPy_LIMITED_API=0x030B0000",
    "-fsanitize=fuzzer-no-link,address,undefined", "-fno-sanitize-recover=undefined", "-shared-libsan",
    "-Wl,-Bsymbolic",
)  # fmt: skip
INSIDE = "FLOWML_FUZZ_LIBRARY"  # set in the process that fuzzes


def main() -> int:
    """Run the target that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=["file", "packets"])
    parser.add_argument("--seconds", type=int, default=1800)
    parser.add_argument("--captures", type=Path, help="folder of real captures to cut seeds from")
    parser.add_argument(
        "--work", type=Path, default=REPOSITORY / "build/fuzz", help="corpus, crashes, library"
    )
    parser.add_argument("--input", type=Path, help="judge this input alone, such as a crash")
    arguments = parser.parse_args()
    work = arguments.work.resolve() / arguments.target
    work.mkdir(parents=True, exist_ok=True)
    library = _build(work)
    if arguments.input:
        options = [str(arguments.input.resolve())]
    else:
        from tests.fuzz.seeds import write_seeds

        print(write_seeds(arguments.target, work / "seeds", arguments.captures), "seeds", flush=True)
        (work / "corpus").mkdir(exist_ok=True)
        options = [str(work / "corpus"), str(work / "seeds"), *_options(work, arguments.seconds)]
    return _fuzz(arguments.target, library, options)


def _build(work: Path) -> Path:
    clang = shutil.which("clang")
    if clang is None:
        sys.exit("flowml: no clang; run: apt-get install clang libclang-rt-14-dev")
    library = work / "harness.so"
    runtime = _runtime("libclang_rt.fuzzer_no_main-x86_64.a")
    include = f"-I{sysconfig.get_path('include')}"
    subprocess.run([clang, *FLAGS, include, *C_FILES, runtime, "-lstdc++", "-o", library], check=True)
    return library


def _runtime(name: str) -> str:
    told = subprocess.run(["clang", f"-print-file-name={name}"], check=True, capture_output=True, text=True)
    path = told.stdout.strip()
    if not Path(path).is_absolute():
        sys.exit(f"flowml: clang has no {name}; run: apt-get install libclang-rt-14-dev")
    return path


def _options(work: Path, seconds: int) -> list[str]:
    return [
        f"-max_total_time={seconds}", "-max_len=8192", "-timeout=30", "-rss_limit_mb=3000",
        "-print_final_stats=1", "-detect_leaks=0", f"-artifact_prefix={work}/",
    ]  # fmt: skip


def _fuzz(target: str, library: Path, options: list[str]) -> int:
    """Fuzz in a process of its own, which has the sanitizer's library loaded before Python."""
    environment = {
        **os.environ,
        INSIDE: str(library),
        "LD_PRELOAD": f"{library} {_runtime('libclang_rt.asan-x86_64.so')}",
        # leaks: Python frees little at its end; order: ours comes first, so that libFuzzer sees comparisons
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:verify_asan_link_order=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.fuzz.__main__", target, *options]
    return subprocess.run(command, env=environment, check=False).returncode


def _inside(library: str) -> int:
    """Put the instrumented extension in place of the installed one, and hand over to libFuzzer."""
    os.environ.pop("LD_PRELOAD")  # the symbolizer of a report needs none of it
    sys.modules["flowml.capture._meter"] = meter = _load("flowml.capture._meter", library)
    import flowml.capture

    flowml.capture._meter = meter
    from tests.fuzz.targets import JUDGES

    harness = _load("harness", library)
    return int(harness.run(["fuzz", *sys.argv[2:]], JUDGES[sys.argv[1]](harness.see)))


def _load(name: str, library: str) -> ModuleType:
    loader = ExtensionFileLoader(name, library)
    module = module_from_spec(ModuleSpec(name, loader, origin=library))
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(_inside(os.environ[INSIDE]) if INSIDE in os.environ else main())
