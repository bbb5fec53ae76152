"""Reads a bundle's estimators as plain numbers, lists and arrays; no class is imported or constructed.

skops writes a zip archive: ``schema.json``, a tree of nodes that name the class of each value, and a ``.npy``
file for each array. To judge, nothing but the numbers in it is needed; scikit-learn, which takes a second to
import, is not.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROTOCOL = 2
"""Of skops' files: what 0.12 and later write."""

TRUSTED_PACKAGES = frozenset({"builtins", "numpy", "sklearn"})
"""Whose values may be in the file. They are read as plain values; other types have no place in a model."""


class Stored:
    """An object's attributes, each read when it is asked for.

    Attributes
    ----------
    stored_class : str
        Name of its class.
    """

    def __init__(self, stored_class: str, attributes: dict[str, Any], archive: zipfile.ZipFile) -> None:
        self.stored_class = stored_class
        self._attributes = attributes
        self._archive = archive

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._attributes:
            raise AttributeError(f"no {name} in the stored {self.stored_class}")
        return _value(self._attributes[name], self._archive)


def read_estimators(data: bytes) -> dict[str, Any]:
    """Read what `skops.io.dumps` made of a dictionary.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    dict
        Objects as `Stored`.

    Raises
    ------
    ValueError
        Another format, or types of other packages than `TRUSTED_PACKAGES`.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        schema = json.loads(archive.read("schema.json"))
        protocol, parts = schema["protocol"], schema["content"]
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"no file of skops: {error!r}") from error
    if protocol != PROTOCOL:
        raise ValueError(f"written with protocol {protocol} of skops, expected {PROTOCOL}")
    if foreign := sorted(set(_types(schema))):
        raise ValueError(f"holds types that flowml does not trust: {', '.join(foreign)}")
    return {name: _value(node, archive) for name, node in parts.items()}


def _types(node: Any) -> Iterator[str]:
    """Name the types below a node that are not trusted."""
    if isinstance(node, list):
        for part in node:
            yield from _types(part)
    elif isinstance(node, dict):
        module = node.get("__module__", "builtins")
        if str(module).partition(".")[0] not in TRUSTED_PACKAGES:
            yield f"{module}.{node['__class__']}"
        for part in node.values():
            if isinstance(part, dict | list):
                yield from _types(part)


def _value(node: dict[str, Any], archive: zipfile.ZipFile) -> Any:
    """The value of a node; None where it is nothing that a verdict needs."""
    loader = node["__loader__"]
    if loader == "JsonNode":
        return json.loads(node["content"])
    if loader in {"ListNode", "TupleNode"}:
        return [_value(part, archive) for part in node["content"]]
    if loader == "NdArrayNode" and node["type"] == "numpy":
        return _array(archive.read(node["file"]))
    if loader in {"ObjectNode", "TreeNode"}:
        return Stored(node["__class__"], node["content"]["content"], archive)
    return None


def _array(data: bytes) -> NDArray[Any]:
    """Read the bytes of a ``.npy`` file; never an array of objects, which would be pickled."""
    start = 10 + int.from_bytes(data[8:10], "little")  # version 1.0; NumPy writes no other for our arrays
    shape, is_fortran, dtype = _header(data[:start])
    if dtype.hasobject:
        raise ValueError("an array of objects, expected numbers")
    return np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if is_fortran else "C")


@lru_cache(maxsize=256)
def _header(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Parse a header; hundreds of trees have the same, and NumPy takes a tenth of a millisecond for each."""
    file = io.BytesIO(head)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array in another format than version 1.0 of .npy")
    return np.lib.format.read_array_header_1_0(file)
