"""Evasions: what miners do to be overlooked, one file each, found by ``EVASIONS``."""
