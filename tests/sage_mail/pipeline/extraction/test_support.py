"""Requests for support."""

from __future__ import annotations

import pytest

from sage_mail.pipeline.extraction import Source
from sage_mail.pipeline.extraction.facts import Customer, Part, SupportFacts, Urgency
from tests.sage_mail.pipeline.drafts import mail
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, source


def _read(subject: str, text: str) -> SupportFacts:
    return EXTRACTOR.support(source(subject, text))


def test_a_request_is_taken_apart() -> None:
    """Ticket, urgency, customer and the first paragraph that says something."""
    facts = _read(
        "Re: [Ticket #4711] Printer",
        "Dear support,\n\nthe printer in the second room is down and nobody can print letters.\n\n"
        "Regards\nAda\n",
    )

    assert [fact.value for fact in facts.ticket_ids] == ["4711"]
    assert facts.ticket_ids[0].part is Part.SUBJECT
    assert facts.urgency is not None
    assert facts.urgency.value is Urgency.CRITICAL
    assert facts.customer is not None
    assert facts.customer.value == Customer(name="Kim", email="kim@mail.example")
    assert facts.issue_summary is not None
    assert facts.issue_summary.value.startswith("the printer in the second room")


@pytest.mark.parametrize(
    ("text", "urgency"),
    [
        ("It is urgent.", Urgency.CRITICAL),
        ("Es ist dringend.", Urgency.CRITICAL),
        ("It is not urgent.", Urgency.LOW),
        ("Das ist nicht dringend.", Urgency.LOW),
        ("As soon as possible, please.", Urgency.HIGH),
        ("A cosmetic flaw.", Urgency.LOW),
        ("The lamp does not burn.", Urgency.MEDIUM),
    ],
)
def test_urgency_is_what_the_words_say(text: str, urgency: Urgency) -> None:
    """The most pressing word decides, unless it is denied."""
    facts = _read("Lamp", text)

    assert facts.urgency is not None
    assert facts.urgency.value is urgency


def test_the_mark_of_importance_counts() -> None:
    """What the sender marked as important is of high urgency."""
    marked = mail("Lamp", "Broken.", headers={"Importance": "high"})
    facts = EXTRACTOR.support(Source.of_message(marked))

    assert facts.urgency is not None
    assert facts.urgency.value is Urgency.HIGH


def test_the_customer_is_who_wants_the_answer() -> None:
    """A form on a web page writes as itself and names the customer in Reply-To."""
    form = mail("Form", "Hello", headers={"Reply-To": "Ada <ada@customer.example>"})
    facts = EXTRACTOR.support(Source.of_message(form))

    assert facts.customer is not None
    assert facts.customer.value.email == "ada@customer.example"


def test_a_mail_without_text_is_summed_up_by_its_subject() -> None:
    """Better the subject than nothing; and nothing where there is nothing."""
    assert _read("Lamp is dark", "\n").issue_summary is not None
    assert _read("", "\n").issue_summary is None
    assert EXTRACTOR.support(Source.of_text("A lamp.")).customer is None


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("Hi,\nour server is down.\nPlease help.\n\nBest\nKim", "our server is down. Please help."),
        ("Hi,\nour server is down.\nBest regards,\nKim", "our server is down."),
        ("Guten Tag,\n\nes eilt nicht.\n\nViele Grüße\nKim", "es eilt nicht."),
        ("Hello,\n\nit is broken.\n\nIt happens daily.\n\nThanks", "it is broken."),
        ("His laptop is broken, since Monday.", "His laptop is broken, since Monday."),
        (
            "Thanks for your answer. It is still broken.",
            "Thanks for your answer. It is still broken.",
        ),
        ("Hi,\n\n***\n\nIt is broken.", "It is broken."),
    ],
)
def test_the_summary_is_the_first_paragraph(text: str, summary: str) -> None:
    """However short, without greeting and closing; the signature says nothing."""
    fact = _read("Server", text).issue_summary

    assert fact is not None
    assert fact.value == summary
    assert " ".join(fact.text.split()) == summary


def test_a_mail_of_greeting_and_closing_is_summed_up_by_its_subject() -> None:
    """Neither says what is wrong."""
    fact = _read("Server is down", "Hi,\n\nBest regards\nKim").issue_summary

    assert fact is not None
    assert fact.value == "Server is down"
