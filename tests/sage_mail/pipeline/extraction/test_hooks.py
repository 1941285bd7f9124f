"""The guide's hook methods, by its own names and keys."""

from __future__ import annotations

import pytest

from sage_mail.pipeline.extraction.hooks import (
    analyze_sentiment,
    detect_language,
    determine_priority,
    extract_amount_from_body,
    extract_entities,
    extract_keywords,
    extract_order_items,
    extract_order_number,
    extract_sales_info,
    extract_spam_info,
    extract_support_info,
    extract_urgent_info,
)
from tests.sage_mail.pipeline.drafts import mail
from tests.sage_mail.pipeline.extraction.reading import sent


def test_support() -> None:
    """The record of a request has the guide's four keys."""
    message = sent("Ticket #4711: server down", "Hello,\n\nthe server is down. Nobody can work.\n")

    assert extract_support_info(message) == {
        "ticket_id": "4711",
        "urgency": "critical",
        "customer_email": "kim@mail.example",
        "issue_summary": "the server is down. Nobody can work.",
    }
    assert determine_priority(message) == "high"


def test_support_without_anything() -> None:
    """Urgency is medium, and there is no ticket."""
    info = extract_support_info(mail("Lamp", "The lamp is dark."))

    assert (info["urgency"], "ticket_id" in info) == ("medium", False)
    assert determine_priority(mail("Lamp", "A cosmetic flaw.")) == "low"
    assert extract_support_info(mail("Ticket: ALPHA", "Dark."))["ticket_id"] == "ALPHA"


def test_sales() -> None:
    """Order number, amounts as they are written, and whether products are mentioned."""
    message = mail("Your order #A-1234", "Total: $1,234.56 for your subscription, shipping $5.")

    assert extract_sales_info(message) == {
        "order_number": "A-1234",
        "amounts": ["$1,234.56", "$5"],
        "product_related": True,
    }
    assert extract_sales_info(mail("Hello", "How are you?")) == {}


def test_urgent() -> None:
    """The deadline as it is written, even in a mail without a date, and whether to act."""
    assert extract_urgent_info(mail("Hi", "The deadline: March 15")) == {
        "deadline": "March 15",
        "requires_action": False,
    }
    assert extract_urgent_info(mail("Hi", "Action required.")) == {"requires_action": True}
    assert extract_urgent_info(mail("Hi", "See you.")) == {"requires_action": False}


def test_spam() -> None:
    """How many indicators and links there are."""
    message = mail(
        "Winner", "Click here: http://a.example", html='<a href="http://b.example">x</a>'
    )

    assert extract_spam_info(message)["spam_indicator_count"] == 2
    assert extract_spam_info(mail("Hi", "Hello")) == {"spam_indicator_count": 0, "url_count": 0}


@pytest.mark.parametrize(
    ("subject", "number"),
    [("Order #4711-A", "4711-A"), ("Invoice no. 12", "12"), ("Hello", None), ("", None)],
)
def test_order_numbers_of_subjects(subject: str, number: str | None) -> None:
    """The number of an order or invoice, None where there is none."""
    assert extract_order_number(subject) == number


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("Total: 1.234,56 EUR", "1234.56 EUR"),
        ("It costs $5 or $7.50", "7.50 USD"),
        ("nothing", None),
    ],
)
def test_amounts_of_bodies(text: str, amount: str | None) -> None:
    """The total, else the largest amount."""
    assert extract_amount_from_body(text) == amount


def test_items_of_html() -> None:
    """Plain values, ready for JSON; nothing where there is no table."""
    html = (
        "<table><tr><th>Item</th><th>Qty</th><th>Price</th></tr>"
        "<tr><td>Lamp</td><td>2</td><td>$6.50</td></tr></table>"
    )

    assert extract_order_items(html) == [
        {"name": "Lamp", "quantity": "2", "unit_price": "6.50", "amount": "6.50", "currency": "USD"}
    ]
    assert extract_order_items("") == []


def test_the_analysis_of_texts() -> None:
    """Plain values for the guide's four keys."""
    text = "Thank you, the green lamp for 5 EUR is great. Write to ada@example.org."

    assert analyze_sentiment(text) == "positive"
    assert detect_language(text) == "en"
    assert detect_language("4711") is None
    assert "lamp" in extract_keywords(text)
    assert extract_entities(text) == {"money": ["5 EUR"], "emails": ["ada@example.org"]}
