"""Whether this installation has the compiled part of the meter."""

from types import ModuleType


def extension() -> ModuleType | None:
    """The compiled part, or None where it was not built."""
    try:
        from flowml.capture import _meter
    except ImportError:
        return None
    return _meter
