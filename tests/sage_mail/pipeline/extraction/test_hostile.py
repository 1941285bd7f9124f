"""No text costs more than its length: patterns do not run away, and stages are bounded."""

from __future__ import annotations

import re
import time

import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.pipeline import Context, Pipeline
from sage_mail.pipeline.extraction import Extractor, load_vocabulary
from sage_mail.pipeline.stages.extract import extraction_stages
from tests.sage_mail.pipeline.drafts import mail
from tests.sage_mail.pipeline.extraction.hostile import ATOMS, MARKUP, near_matches, patterns

_MEGABYTE = 1_000_000
# All stages together take 50 ms of processor time; a pattern that runs away takes minutes. Between
# them lies room for slower machines.
_MOST_SECONDS = 0.2


@pytest.mark.parametrize(("name", "pattern"), list(patterns()), ids=lambda value: str(value)[:40])
def test_no_pattern_runs_away(name: str, pattern: re.Pattern[str]) -> None:
    """Whatever nearly matches it, a pattern is through with 8 KB in no time."""
    for text in near_matches(pattern, 8_192):
        started = time.process_time()
        for _ in pattern.finditer(text):
            pass
        assert time.process_time() - started < _MOST_SECONDS, name


@pytest.mark.parametrize("atom", ATOMS, ids=repr)
def test_a_hostile_megabyte_costs_no_more_than_a_letter(atom: str) -> None:
    """A body of 1 MB of one thing, plain and as markup, is extracted from in bounded time."""
    pipeline = Pipeline(extraction_stages(Extractor(load_vocabulary())))
    body = atom * (_MEGABYTE // len(atom))
    lines = "\n".join(body[start : start + 900] for start in range(0, _MEGABYTE, 900))
    for message in (
        mail(" ".join(atom.split()) * 40, lines),
        mail("A", html=f"<table><tr><td>{lines}"),
    ):
        assert _seconds(pipeline, message) < _MOST_SECONDS


@pytest.mark.parametrize("atom", MARKUP, ids=lambda atom: atom[:40])
def test_hostile_markup_costs_no_more_than_a_letter(atom: str) -> None:
    """Neither depth nor data for machines makes markup of 1 MB expensive."""
    pipeline = Pipeline(extraction_stages(Extractor(load_vocabulary())))

    message = mail("A", html=atom * (_MEGABYTE // len(atom)))

    assert _seconds(pipeline, message) < _MOST_SECONDS


def _seconds(pipeline: Pipeline, message: EmailMessage) -> float:
    """How long all stages take at their best, parsing apart; none of them fails.

    Once of three, since the garbage of other tests may be collected meanwhile.
    """
    _ = message.plain_body, message.html_body
    return min(_once(pipeline, message) for _ in range(3))


def _once(pipeline: Pipeline, message: EmailMessage) -> float:
    started = time.process_time()
    decision = pipeline.decide(message, Context())
    taken = time.process_time() - started
    assert decision.errors == {}
    return taken
