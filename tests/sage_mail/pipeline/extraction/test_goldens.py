"""What real mails say is found, to the degree that the documentation tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sage_mail.pipeline.extraction import Extractor
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR
from tests.support.corpora import corpora, needs_corpora
from tests.support.facts import Score, deadlines, parcels, receipts, tickets

pytestmark = [needs_corpora, pytest.mark.corpora]


def _root() -> Path:
    root = corpora()
    assert root is not None
    return root


@pytest.mark.parametrize(("kind", "least"), [("orders", 0.95), ("tracking", 0.85), ("total", 0.95)])
def test_shipping_mails(kind: str, least: float) -> None:
    """Order numbers, tracking numbers with their carriers, and totals of shipping mails."""
    score = parcels(_root(), EXTRACTOR)[kind]

    assert score.recall >= least
    assert score.precision >= 0.8


@pytest.mark.parametrize("kind", ["total", "items"])
def test_receipts(kind: str) -> None:
    """Totals and lines of receipts in HTML."""
    assert receipts(_root(), EXTRACTOR)[kind].recall >= 0.85


@pytest.mark.parametrize(
    "scored", [lambda root, by: deadlines(root, by, "tuned"), tickets], ids=["deadlines", "tickets"]
)
def test_what_requests_say(scored: Callable[[Path, Extractor], Score]) -> None:
    """Days by which something is due, and the tickets that subjects name."""
    assert scored(_root(), EXTRACTOR).recall >= 0.7
