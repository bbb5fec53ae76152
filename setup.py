"""The extension, which pyproject.toml cannot describe yet: it may fail, and one wheel serves every Python.

Without a compiler the package installs all the same and meters files with NFStream's own loop.
"""

from setuptools import Extension, setup

SOURCES = "src/flowml/capture"

setup(
    ext_modules=[
        Extension(
            "flowml.capture._meter",
            [f"{SOURCES}/{name}.c" for name in ("_meter", "flow_table", "framing", "packet_loop")],
            depends=[f"{SOURCES}/flow_table.h"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-std=gnu11", "-O3", "-Wall", "-Wextra"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
