"""The guide's hook methods as functions: what its page leaves to its reader, with real answers.

The records of ``extract_*_info`` have the guide's own keys, and only those that its code sets; what
stands in them is found as everywhere here. Where the guide keeps a text as it is written, an amount
or a deadline, so does the record; the typed results of `Extractor` have their values.

All take a message of `sage_imap` (or a text) and use the words of the package, read once.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypedDict

from sage_mail.pipeline.decision import Priority
from sage_mail.pipeline.extraction.document import Document
from sage_mail.pipeline.extraction.extractor import Extractor
from sage_mail.pipeline.extraction.facts import Entities, Fact, Part, Urgency
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Phrases, load_vocabulary

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = [
    "OrderItem",
    "analyze_sentiment",
    "detect_language",
    "determine_priority",
    "extract_amount_from_body",
    "extract_entities",
    "extract_keywords",
    "extract_order_items",
    "extract_order_number",
    "extract_sales_info",
    "extract_spam_info",
    "extract_support_info",
    "extract_urgent_info",
]

_SUMMARY_LIMIT: Final = 500
_TEXT_LIMIT: Final = 32_768
_PRIORITIES: Final = {
    Urgency.CRITICAL: Priority.HIGH,
    Urgency.HIGH: Priority.HIGH,
    Urgency.MEDIUM: Priority.MEDIUM,
    Urgency.LOW: Priority.LOW,
}
# "Ticket ABC" of the guide, whose word need not hold a digit, but must not be a common word.
_NAMED_TICKET: Final = re.compile(r"\b(?:ticket|case|id)[ \t]?[#:][ \t#:]{0,4}(\w{2,40})", re.I)


class OrderItem(TypedDict):
    """A line of an order as plain values."""

    name: str
    quantity: str | None
    unit_price: str | None
    amount: str | None
    currency: str | None


def determine_priority(message: EmailMessage) -> str:
    """``high``, ``medium`` or ``low``: how soon somebody should look at a request."""
    urgency = _extractor().support(Source.of_message(message)).urgency
    return str(_PRIORITIES[urgency.value] if urgency else Priority.MEDIUM)


def analyze_sentiment(text: str) -> str:
    """The tone of a text: ``positive``, ``neutral`` or ``negative``."""
    return _extractor().tone(_source(text)).value.label


def detect_language(text: str) -> str | None:
    """The ISO 639-1 code of the language of a text, None where nothing tells."""
    found = _extractor().locale.language(_source(text))
    return found[0] if found else None


def extract_keywords(text: str) -> list[str]:
    """What a text is about: at most ten words, the weightiest first."""
    return [fact.value for fact in _extractor().keywords(_source(text))]


def extract_entities(text: str) -> dict[str, list[str]]:
    """Who and what a text names, by kind; kinds of which there are none are left out."""
    entities = _extractor().entities(_source(text))
    found = {kind: [_plain(fact) for fact in getattr(entities, kind)] for kind in _KINDS}
    return {kind: values for kind, values in found.items() if values}


def extract_order_number(subject: str) -> str | None:
    """The number of an order or invoice that a subject names, None where there is none."""
    orders = _extractor().orders(_source(subject))
    if orders is None:
        return None
    numbers = (*orders.order_numbers, *orders.invoice_numbers)
    return max(numbers, key=lambda fact: fact.confidence).value if numbers else None


def extract_amount_from_body(text: str) -> str | None:
    """The total that a text tells, as "1234.56 EUR"; without a label the largest amount."""
    orders = _extractor().orders(_source(text))
    total = orders.total.value if orders and orders.total else None
    if total is None:
        amounts = [fact.value for fact in _extractor().entities(_source(text)).money]
        total = max(amounts, key=lambda money: money.amount, default=None)
    if total is None:
        return None
    return f"{total.amount} {total.currency}" if total.currency else str(total.amount)


def extract_order_items(html: str) -> list[OrderItem]:
    """The lines of the order that an HTML body shows."""
    document = Document(html)
    return [
        OrderItem(
            name=fact.value.name,
            quantity=_text(fact.value.quantity),
            unit_price=_text(fact.value.unit_price and fact.value.unit_price.amount),
            amount=_text(fact.value.amount and fact.value.amount.amount),
            currency=fact.value.amount.currency if fact.value.amount else None,
        )
        for fact in _extractor().items(document)
    ]


def extract_support_info(message: EmailMessage) -> dict[str, Any]:
    """``ticket_id`` where there is one, ``urgency``, ``customer_email``, ``issue_summary``."""
    source = Source.of_message(message)
    facts = _extractor().support(source)
    info: dict[str, Any] = {}
    tickets = [fact for fact in facts.ticket_ids if fact.part is Part.SUBJECT] or facts.ticket_ids
    named = _NAMED_TICKET.search(source.subject.text)
    if tickets:
        info["ticket_id"] = tickets[0].value
    elif named:
        info["ticket_id"] = named[1]
    info["urgency"] = str(facts.urgency.value) if facts.urgency else str(Urgency.MEDIUM)
    info["customer_email"] = str(message.from_address)
    if facts.issue_summary is not None:
        info["issue_summary"] = facts.issue_summary.value[:_SUMMARY_LIMIT]
    return info


def extract_sales_info(message: EmailMessage) -> dict[str, Any]:
    """``order_number``, ``amounts`` as they are written and ``product_related``, where told."""
    source = Source.of_message(message)
    orders = _extractor().orders(source)
    info: dict[str, Any] = {}
    numbers = (*orders.order_numbers, *orders.invoice_numbers) if orders else ()
    if numbers:
        info["order_number"] = numbers[0].value
    amounts = [fact.text for fact in _extractor().entities(source).money]
    if amounts:
        info["amounts"] = amounts
    if any(_phrases("goods").find(body) for body in source.bodies):
        info["product_related"] = True
    return info


def extract_urgent_info(message: EmailMessage) -> dict[str, Any]:
    """``deadline`` as it is written, where there is one, and ``requires_action``."""
    # "By Friday" in a mail without any date is the Friday that comes.
    sent = message.date or message.internal_date or datetime.now(UTC)
    source = Source(message, sent=sent)
    facts = _extractor().urgent(source)
    info: dict[str, Any] = {}
    if facts and facts.deadlines:
        info["deadline"] = facts.deadlines[0].text
    asked = bool(facts and facts.actions)
    info["requires_action"] = asked or any(_phrases("tasks").find(body) for body in source.written)
    return info


def extract_spam_info(message: EmailMessage) -> dict[str, Any]:
    """``spam_indicator_count`` and ``url_count``."""
    facts = _extractor().spam(Source.of_message(message))
    return {
        "spam_indicator_count": len(facts.indicators) if facts else 0,
        "url_count": facts.url_count if facts else 0,
    }


@cache
def _extractor() -> Extractor:
    return Extractor(load_vocabulary())


@cache
def _phrases(table: str) -> Phrases:
    return _extractor().vocabulary.phrases(table)


def _source(text: str) -> Source:
    return Source.of_text(text[:_TEXT_LIMIT])


_KINDS: Final = tuple(Entities.model_fields)


def _plain(fact: Fact[Any]) -> str:
    value = fact.value
    if hasattr(value, "amount"):
        return f"{value.amount} {value.currency}" if value.currency else str(value.amount)
    return str(getattr(value, "name", value))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
