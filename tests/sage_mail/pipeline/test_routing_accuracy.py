"""How much real mail would be filed wrongly."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.pipeline import default_pipeline
from tests.sage_mail.pipeline.drafts import Policy
from tests.support.corpora import corpora, needs_corpora
from tests.support.filing import Tally, samples, tallied

pytestmark = [pytest.mark.corpora, needs_corpora]

_FOLDERS = ("support", "sales", "marketing", "spam", "newsletter", "urgent")


@pytest.fixture(scope="module")
def tallies() -> dict[str, Tally]:
    """Every second mail of the half that the lists were not tuned on, by group."""
    folder = corpora()
    assert folder is not None
    pipeline = default_pipeline(Policy(folders={name: name for name in _FOLDERS}))

    def filed(raw: bytes) -> str | None:
        decision = pipeline.decide(EmailMessage.from_bytes(raw))
        assert not decision.errors
        return decision.target_folder

    held_out = (sample for sample in samples(Path(folder)) if sample.held_out)
    return tallied(islice(held_out, 0, None, 2), filed)


def test_ordinary_mail_stays(tallies: dict[str, Tally]) -> None:
    """Under 5 % of ordinary mail is moved, which bench/routing_accuracy.py shows in full."""
    ordinary = [tally for tally in tallies.values() if tally.ordinary]
    total = sum(tally.total for tally in ordinary)
    assert total > 1_000
    assert sum(tally.wrong for tally in ordinary) / total < 0.05


def test_no_source_of_ordinary_mail_is_worse(tallies: dict[str, Tally]) -> None:
    """The share holds for each source by itself, not only for their mixture."""
    shares = {name: tally.wrong / tally.total for name, tally in tallies.items() if tally.ordinary}
    assert all(share < 0.05 for share in shares.values()), shares


@pytest.mark.parametrize(
    ("group", "least"),
    [
        ("tickets support en", 0.55),
        ("tickets support de", 0.80),
        ("gmail promotions", 0.55),
        ("spamassassin spam", 0.35),
        ("spamassassin newsletters", 0.30),
        ("shipping", 0.50),
    ],
)
def test_what_should_be_recognised_is(tallies: dict[str, Tally], group: str, least: float) -> None:
    """Leaving everything where it is would move nothing wrongly, and be of no use."""
    tally = tallies[group]
    assert tally.recognised / tally.wanted >= least
