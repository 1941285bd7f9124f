"""All extraction behind one object, made once from a vocabulary and used from any thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sage_mail.pipeline.extraction.contacts import Contacts
from sage_mail.pipeline.extraction.dates import Calendar
from sage_mail.pipeline.extraction.document import Document
from sage_mail.pipeline.extraction.facts import (
    Analysis,
    DateFact,
    Entities,
    Fact,
    ItemFact,
    OrderFacts,
    SentimentFact,
    SpamFacts,
    SupportFacts,
    TextFact,
    UrgentFacts,
)
from sage_mail.pipeline.extraction.keywords import Keywords
from sage_mail.pipeline.extraction.language import Languages
from sage_mail.pipeline.extraction.links import Links
from sage_mail.pipeline.extraction.locale import Locale
from sage_mail.pipeline.extraction.names import Names
from sage_mail.pipeline.extraction.orders import Orders
from sage_mail.pipeline.extraction.passage import F, Passage, best
from sage_mail.pipeline.extraction.sentiment import Tone
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.spam import Spam
from sage_mail.pipeline.extraction.support import Support
from sage_mail.pipeline.extraction.urgent import Urgent
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Extractor"]


class Extractor:
    """Extracts facts from messages and texts; immutable, without IO."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.calendar = Calendar(vocabulary)
        self.locale = Locale(Languages(vocabulary))
        self._orders = Orders(vocabulary, self.calendar, self.locale)
        self._support = Support(vocabulary, self._orders.identifiers)
        self._urgent = Urgent(vocabulary, self.calendar, self.locale)
        self._links = Links(vocabulary)
        self._spam = Spam(vocabulary, self._links)
        self._contacts = Contacts(vocabulary)
        self._names = Names(vocabulary)
        self._keywords = Keywords(vocabulary)
        self._tone = Tone(vocabulary)
        self._kinds = self._readers_of_entities()

    def _readers_of_entities(self) -> dict[str, Callable[[Source], tuple[Fact[Any], ...]]]:
        contacts = self._contacts
        return {
            "people": self._names.people,
            "organisations": self._names.organisations,
            "money": _in_each(self._orders.currencies.find),
            "dates": self._dates,
            "phones": self._phones,
            "emails": _in_each(contacts.emails),
            "addresses": _in_each(contacts.addresses),
            "urls": self._urls,
            "ibans": _in_each(contacts.ibans),
            "vat_numbers": _in_each(contacts.vat_numbers),
            "cards": _in_each(contacts.cards),
        }

    def support(self, source: Source) -> SupportFacts:
        """What a request for support says of itself."""
        return self._support.read(source)

    def orders(self, source: Source) -> OrderFacts | None:
        """What an order, invoice, receipt or shipping notice says; None where it is none."""
        return self._orders.read(source)

    def urgent(self, source: Source) -> UrgentFacts | None:
        """What is to be done by when; None where nothing is."""
        return self._urgent.read(source)

    def spam(self, source: Source) -> SpamFacts | None:
        """What speaks for spam or fraud, and how many links there are; None without either."""
        return self._spam.read(source)

    def analysis(self, source: Source) -> Analysis:
        """Language, tone, keywords and entities."""
        return Analysis(
            language=source.shielded("language", lambda: self._language(source), None),
            sentiment=source.shielded("sentiment", lambda: self._tone.of_source(source), None),
            keywords=source.shielded("keywords", lambda: self._keywords.find(source), ()),
            entities=self.entities(source),
        )

    def _language(self, source: Source) -> TextFact | None:
        language = self.locale.language(source)
        if language is None:
            return None
        part = source.written[0].part if source.written else source.subject.part
        return TextFact(value=language[0], confidence=language[1], part=part, text="")

    def tone(self, source: Source) -> SentimentFact:
        """The tone of what the writer wrote."""
        return self._tone.of_source(source)

    def keywords(self, source: Source) -> tuple[TextFact, ...]:
        """What the message is about, the weightiest word first."""
        return self._keywords.find(source)

    def items(self, document: Document) -> tuple[ItemFact, ...]:
        """The lines of the order that a document shows: told to machines, else in tables."""
        return self._orders.items_of(document)

    def entities(self, source: Source) -> Entities:
        """Who and what is named; of a kind that cannot be read nothing is."""
        found = {
            kind: source.shielded(kind, partial(read, source), ())
            for kind, read in self._kinds.items()
        }
        return Entities(**found)

    def _phones(self, source: Source) -> tuple[TextFact, ...]:
        region = self.locale.region(source)
        return _all(source, lambda passage: self._contacts.phones(passage, region))

    def _dates(self, source: Source) -> tuple[DateFact, ...]:
        hint = self.locale.hint(source)
        return best(
            passage.fact(DateFact, when.day, when.start, when.end, when.confidence)
            for passage in source.passages
            for when in self.calendar.find(passage, hint)
            if not when.relative and when.confidence >= 0.6
        )

    def _urls(self, source: Source) -> tuple[TextFact, ...]:
        return best(
            url.passage.fact(TextFact, url.url, url.start, url.start + len(url.url), 0.99)
            if url.passage
            else TextFact(
                value=url.url, confidence=0.99, part=source.bodies[-1].part, text=url.shown or ""
            )
            for url in self._links.find(source)
            if not url.target.active
        )


def _in_each(find: Callable[[Passage], Iterable[F]]) -> Callable[[Source], tuple[F, ...]]:
    # Not a lambda: a second process gets the extractor as a pickle.
    return partial(_all, find=find)


def _all(source: Source, find: Callable[[Passage], Iterable[F]]) -> tuple[F, ...]:
    return best(fact for passage in source.passages for fact in find(passage))
