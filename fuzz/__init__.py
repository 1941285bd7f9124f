"""Fuzzing of what reads a stranger's octets: ``python -m fuzz``; the targets are in `fuzz.targets`.

Nothing is imported here, so that an engine can watch what a target imports.
"""
