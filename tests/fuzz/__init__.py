"""Fuzzing of the file reader: ``python -m tests.fuzz file`` and ``... packets``; docs/reliability.md."""
