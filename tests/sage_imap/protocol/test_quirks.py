"""Quirks are switches with counters."""

from __future__ import annotations

from sage_imap.protocol.quirks import CORE_QUIRKS, Quirks


def test_met_quirks_are_counted() -> None:
    """A quirk is tolerated unless it is off, and counted in either case."""
    quirks = Quirks(off=["quirk_bare_lf"])
    assert quirks.tolerate("quirk_empty_line")
    assert not quirks.tolerate("quirk_bare_lf")
    assert not quirks.tolerate("quirk_bare_lf")
    assert quirks.seen == {"quirk_empty_line": 1, "quirk_bare_lf": 2}
    assert "quirk_bare_lf" in repr(quirks)


def test_names_tell_what_they_are() -> None:
    """Names begin with quirk_."""
    assert all(name.startswith("quirk_") for name in CORE_QUIRKS)
