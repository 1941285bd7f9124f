"""What an order, an invoice, a receipt or a shipping notice says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from sage_mail.pipeline.extraction.dates import Calendar, When
from sage_mail.pipeline.extraction.document import Document
from sage_mail.pipeline.extraction.facts import (
    DateFact,
    ItemFact,
    MoneyFact,
    OrderFacts,
    TextFact,
    TrackingFact,
)
from sage_mail.pipeline.extraction.headings import Headings
from sage_mail.pipeline.extraction.identifiers import Identifier, Identifiers
from sage_mail.pipeline.extraction.items import Items
from sage_mail.pipeline.extraction.locale import Locale
from sage_mail.pipeline.extraction.money import Currencies
from sage_mail.pipeline.extraction.passage import Passage, best
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.structured import Structured, read_structured
from sage_mail.pipeline.extraction.totals import Labelled, Totals
from sage_mail.pipeline.extraction.tracking import Carriers
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Orders"]

# "Order Date: 15-10-2015", and on the next line after "Arriving:".
_DATE_GAP: Final = 40
_WIDEST: Final = 200


class Orders:
    """Finds the facts of orders and invoices by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, calendar: Calendar, locale: Locale) -> None:
        self.currencies = Currencies(vocabulary)
        self.identifiers = Identifiers(vocabulary)
        self._totals = Totals(vocabulary, self.currencies)
        self._items = Items(vocabulary, self.currencies, self._totals)
        self._carriers = Carriers(vocabulary)
        self._dates = vocabulary.phrases("dates")
        self._headings = Headings(vocabulary)
        self._calendar = calendar
        self._locale = locale

    def read(self, source: Source) -> OrderFacts | None:
        """The facts, or None where no number, shipment, item or labelled total is told."""
        numbers = source.shielded("numbers", lambda: self._numbers(source), _by_kind(()))
        told = source.shielded("structured data", lambda: _told(source.document), Structured())
        tracking = source.shielded(
            "tracking numbers", lambda: self._tracking(source, numbers["tracking"], told), ()
        )
        labelled = source.shielded("totals", lambda: self._totals.find(self._read(source)), [])
        orders = _numbers(numbers["order"], told.orders)
        invoices = _numbers(numbers["invoice"], told.invoices)
        transactions = _numbers(numbers["transaction"])
        total = _total(labelled, told)
        if not (orders or invoices or transactions or tracking or total):
            return None
        dates = source.shielded("dates of orders", lambda: self._labelled_dates(source, told), {})
        return OrderFacts(
            order_numbers=orders,
            invoice_numbers=invoices,
            transaction_numbers=transactions,
            customer_numbers=_numbers(numbers["customer"]),
            tracking_numbers=tracking,
            amounts=source.shielded("amounts", lambda: self._amounts(source), ()),
            total=total,
            subtotal=_first(labelled, "subtotal"),
            tax=_first(labelled, "tax"),
            shipping=_first(labelled, "shipping"),
            items=source.shielded("items", lambda: self._lines(source, told), ()),
            ordered=dates.get("ordered"),
            # "Date:" alone dates an invoice, but not the order that is forwarded.
            invoiced=dates.get("invoiced", dates.get("dated") if invoices else None),
            due=dates.get("due"),
            delivered=dates.get("delivered"),
        )

    def _amounts(self, source: Source) -> tuple[MoneyFact, ...]:
        return best(money for body in source.passages for money in self.currencies.find(body))

    def _tracking(
        self, source: Source, labelled: Sequence[Identifier], told: Structured
    ) -> tuple[TrackingFact, ...]:
        named = self._carriers.named(source.sender_host, source.passages)
        found = best([*told.tracking, *self._carriers.find(source.passages, labelled, named)])
        # The same number is told in the subject and in the body; the surer fact stays.
        numbers: dict[str, TrackingFact] = {}
        for fact in found:
            known = numbers.setdefault(fact.value.number, fact)
            if fact.confidence > known.confidence:
                numbers[fact.value.number] = fact
        return tuple(numbers.values())

    def _numbers(self, source: Source) -> defaultdict[str, list[Identifier]]:
        return _by_kind(self.identifiers.find(self._read(source)))

    def _read(self, source: Source) -> tuple[Passage, ...]:
        """The texts, and the tables whose values stand below what names them."""
        return source.remember(self, lambda: (*source.passages, *self._beneath(source)))

    def _beneath(self, source: Source) -> tuple[Passage, ...]:
        return source.shielded("tables", lambda: self._headings.read(source), ())

    def _lines(self, source: Source, told: Structured) -> tuple[ItemFact, ...]:
        if told.items:
            return best(told.items)
        in_text = [item for body in source.bodies for item in self._items.in_text(body)]
        if in_text or source.document is None:
            return best(in_text)
        return best(self._items.in_rows(source.document.rows))

    def items_of(self, document: Document) -> tuple[ItemFact, ...]:
        """The lines of the order that a document shows: told to machines, else in tables."""
        told = _told(document)
        return best(told.items or self._items.in_rows(document.rows))

    def _labelled_dates(self, source: Source, told: Structured) -> dict[str, DateFact]:
        found: dict[str, DateFact] = {}
        structured = {"ordered": told.ordered, "due": told.due, "delivered": told.delivered}
        found.update({key: facts[0] for key, facts in structured.items() if facts})
        hint = self._locale.hint(source)
        for passage in self._read(source):
            if not self._dates.find(passage):
                continue
            whens = self._calendar.find(passage, hint)
            for hit in self._dates.find(passage) if whens else ():
                when = _next(passage, whens, hit.end)
                if when is None or hit.key in found:
                    continue
                confidence = when.confidence * 0.95
                found[hit.key] = passage.fact(DateFact, when.day, when.start, when.end, confidence)
        return found


def _told(document: Document | None) -> Structured:
    return read_structured(document.structured if document else ())


def _by_kind(found: Iterable[Identifier]) -> defaultdict[str, list[Identifier]]:
    kinds: defaultdict[str, list[Identifier]] = defaultdict(list)
    for identifier in found:
        kinds[identifier.kind].append(identifier)
    return kinds


def _numbers(found: Iterable[Identifier], told: Iterable[TextFact] = ()) -> tuple[TextFact, ...]:
    return best([*told, *(identifier.fact() for identifier in found)])


def _next(passage: Passage, whens: Sequence[When], end: int) -> When | None:
    """The date that follows a label, however wide the columns between them are."""
    following = next((when for when in whens if when.start >= end), None)
    if following is None or following.start - end > _WIDEST:
        return None
    between = passage.text[end : following.start].strip()
    return following if len(between) <= _DATE_GAP else None


def _total(labelled: Sequence[Labelled], told: Structured) -> MoneyFact | None:
    """The surest total; of equally sure ones the largest, which has the taxes in it."""
    facts = [*told.totals, *(entry.fact for entry in labelled if entry.key == "total")]
    return max(facts, key=lambda fact: (fact.confidence, fact.value.amount), default=None)


def _first(labelled: Sequence[Labelled], key: str) -> MoneyFact | None:
    return next((entry.fact for entry in labelled if entry.key == key), None)
