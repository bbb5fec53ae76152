"""Alerts in the database are compressed: they say much the same, and are most of what it holds."""

import zlib

from flowml.errors import DataError


def packed(record: bytes) -> bytes:
    """Compress a record."""
    return zlib.compress(record)


def unpacked(body: bytes) -> bytes:
    """Give what `packed` was given; `DataError` if it is nothing of the kind."""
    try:
        return zlib.decompress(body)
    except zlib.error as error:
        raise DataError(f"stored alert of {len(body)} bytes: {error}; the database is damaged") from error
