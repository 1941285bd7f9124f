"""Expressions: what they can say, what is refused when they are read, what they may cost."""

from __future__ import annotations

import time

import pytest

from sage_mail.delivery.expressions import VARIABLES, Expression, ExpressionError

_FACTS = {
    "event": "message.new",
    "category": "sales",
    "confidence": 1,
    "subject": "Order 118",
    "sender": "ann@example.org",
    "to": ["desk@shop.example"],
    "size": 4096,
    "has_attachments": True,
    "attachment_types": ["application/pdf"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('category == "sales" && confidence > 0.8', True),
        ('category in ["support", "urgent"]', False),
        ('subject.contains("Order") && size < 10000', True),
        ('subject.matches("(?i)^order [0-9]+$")', True),
        ('sender.endsWith("@example.org") || priority == "high"', True),
        ('"desk@shop.example" in to', True),
        ("size(cc) > 0", False),
        ('has_attachments ? "application/pdf" in attachment_types : false', True),
        ('event != "message.new"', False),
        ('folder == "" && account == ""', True),
    ],
)
def test_what_can_be_said(text: str, *, expected: bool) -> None:
    """The facts of an event compare, match and combine; those that it lacks are empty."""
    assert Expression(text).holds(_FACTS) is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('subjct == "x"', r"line 1, column 1: undeclared reference to 'subjct'; known are event"),
        ("subject ==", r"line 1, column 11: Syntax error"),
        ('category == "a" &&\n size > 1.5', r"line 2, column 7: found no matching overload"),
        ("size", "gives int, but must be true or false"),
        ('subject.matches("(")', r"line 1, column 17: .*missing \)"),
        ('size > 1 ||\nmatches(subject, r"[a")', r"line 2, column 18: .*missing \]"),
        ("", "line 1, column 1"),
        ("(" * 60 + "true" + ")" * 60, "nested deeper than 32 levels"),
        ("true || " * 300 + "true", "longer than 2000 characters"),
        ("subject.__class__ == 1", "cannot be the operand of a select"),
        ('to.exists(each, each == "a")', "undeclared reference"),
        ("[1].map(each, each) == [1]", "undeclared reference"),
        ('open("/etc/passwd") == ""', "undeclared reference to 'open'"),
    ],
)
def test_what_is_refused_when_it_is_read(text: str, problem: str) -> None:
    """Names, types, patterns and depth are checked before any mail comes, with the place."""
    with pytest.raises(ExpressionError, match=problem):
        Expression(text)


@pytest.mark.parametrize("text", ["1 / (size - 4096) == 1", 'cc[0] == "a"'])
def test_without_a_value(text: str) -> None:
    """What has no value for an event is an error of its own."""
    with pytest.raises(ExpressionError, match="no value"):
        Expression(text).holds(_FACTS)


def test_it_stays_cheap_whatever_the_mail() -> None:
    """Catastrophic patterns and texts of megabytes take milliseconds."""
    expression = Expression('subject.matches("(a+)+$") || "x" in to')
    hostile = {"subject": "a" * 1_999 + "b" * 5_000_000, "to": ["a" * 100_000] * 5_000}
    started = time.process_time()
    assert not expression.holds(hostile)
    assert time.process_time() - started < 1


def test_facts_of_any_kind_are_fitted() -> None:
    """A fact of an unexpected kind is no reason to fail."""
    odd = dict.fromkeys(VARIABLES)
    assert Expression('subject == "" && size == 0 && !has_attachments').holds(odd)


def test_text_without_an_encoding() -> None:
    """A lone surrogate, which the runtime does not take, is a question mark to the expression."""
    facts = {"subject": "lamp \ud800", "attachment_names": ["\udfff.pdf"]}
    assert Expression('subject == "lamp ?" && "?.pdf" in attachment_names').holds(facts)
