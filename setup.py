"""The extension, which pyproject.toml cannot describe yet: it may fail, and one wheel serves every Python.

Without a compiler the package installs all the same and meters files with NFStream's own loop.
"""

from setuptools import Extension, setup

CAPTURE, MODELS = "src/flowml/capture", "src/flowml/models"
SETTINGS = {
    "define_macros": [("Py_LIMITED_API", "0x030B0000")],
    "extra_compile_args": ["-std=gnu11", "-O3", "-Wall", "-Wextra"],
    "py_limited_api": True,
    "optional": True,
}

setup(
    ext_modules=[
        Extension(
            "flowml.capture._meter",
            [
                f"{CAPTURE}/{name}.c"
                for name in (
                    "_meter",
                    "census",
                    "flow_table",
                    "framing",
                    "header_ring",
                    "live_feed",
                    "packet_loop",
                    "plain_file",
                )
            ],
            depends=[f"{CAPTURE}/flow_key.h", f"{CAPTURE}/flow_table.h"],
            **SETTINGS,
        ),
        Extension("flowml.models._trees", [f"{MODELS}/_trees.c"], **SETTINGS),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
