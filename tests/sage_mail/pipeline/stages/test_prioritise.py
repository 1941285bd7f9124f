"""How soon a person should look."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sage_mail.pipeline import Category, Context, Decision, Field, Priority
from sage_mail.pipeline.lexicon import load_lexicon, load_model
from sage_mail.pipeline.stages.classify import TARGETS
from sage_mail.pipeline.stages.prioritise import Prioritise
from tests.sage_mail.pipeline.drafts import mail

_PRIORITISE = Prioritise(load_lexicon(load_model(), TARGETS, {}))


def _priority(
    subject: str = "A lamp",
    text: str = "It is blue.",
    *,
    headers: Mapping[str, str] | None = None,
    category: Category = Category.GENERAL,
) -> Priority | None:
    context = Context(decision=Decision(category=category))
    return _PRIORITISE(mail(subject, text, headers=headers), context).priority


@pytest.mark.parametrize(
    "subject",
    ["Urgent: the lamp", "Dringend: die Lampe", "URGENT : la lampe", "Urgente: la lámpara", "ASAP"],
)
def test_a_subject_in_a_hurry_is_high(subject: str) -> None:
    """In several languages."""
    assert _priority(subject) is Priority.HIGH


def test_the_first_lines_count_and_the_rest_does_not() -> None:
    """Who is in a hurry says so at once."""
    hurry = "Please answer as soon as possible, this is urgent."
    assert _priority(text=hurry) is Priority.HIGH
    assert _priority(text="So it went. " * 80 + hurry) is Priority.MEDIUM


def test_a_word_in_passing_is_not_enough() -> None:
    """One fair word in the text raises nothing."""
    assert _priority(text="It is important to be blue.") is Priority.MEDIUM


@pytest.mark.parametrize(
    "headers", [{"Importance": "High"}, {"X-Priority": "1 (Highest)"}, {"Priority": "urgent"}]
)
def test_the_senders_mark_counts(headers: Mapping[str, str]) -> None:
    """Importance, Priority and X-Priority."""
    assert _priority(headers=headers) is Priority.HIGH


@pytest.mark.parametrize("category", [Category.SPAM, Category.MARKETING, Category.NEWSLETTER])
def test_advertising_is_never_high(category: Category) -> None:
    """Whatever it calls itself."""
    marked = {"Importance": "high"}
    assert _priority("URGENT", "Act now!", headers=marked, category=category) is Priority.LOW


def test_what_is_urgent_is_high() -> None:
    """The category is enough."""
    assert _priority(category=Category.URGENT) is Priority.HIGH


@pytest.mark.parametrize("headers", [{"Auto-Submitted": "auto-generated"}, {"Precedence": "bulk"}])
def test_what_programs_write_is_low(headers: Mapping[str, str]) -> None:
    """Unless it is in a hurry."""
    assert _priority(headers=headers) is Priority.LOW
    assert _priority("Outage", headers=headers) is Priority.HIGH


def test_what_people_write_is_medium() -> None:
    """A person waits for an answer."""
    assert _priority() is Priority.MEDIUM


def test_the_reasons_are_told() -> None:
    """Words that raise the priority stand among the reasons."""
    contribution = _PRIORITISE(mail("Urgent: the lamp"), Context())
    told = [(reason.target, reason.rule, reason.field) for reason in contribution.reasons]
    assert told == [("priority", "urgent", Field.SUBJECT)]


def test_the_weightiest_reason_comes_first() -> None:
    """The same mail has the same reasons in the same order in each process."""
    message = mail("Urgent, ASAP: critical and important", "It is blue.")
    reasons = _PRIORITISE(message, Context(decision=Decision(category=Category.GENERAL))).reasons
    assert len(reasons) > 1
    assert list(reasons) == sorted(reasons, key=lambda each: (-each.weight, each.rule))
