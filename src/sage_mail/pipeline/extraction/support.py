"""What a request for support says of itself: which ticket, how urgent, who asks, for what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sage_mail.pipeline.extraction.facts import (
    Customer,
    CustomerFact,
    Part,
    SupportFacts,
    TextFact,
    Urgency,
    UrgencyFact,
)
from sage_mail.pipeline.extraction.identifiers import Identifiers
from sage_mail.pipeline.extraction.passage import Passage, best
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Hit, Vocabulary

__all__ = ["Support"]

_SUMMARY_LIMIT: Final = 500
_SHORT: Final = 60
_PARAGRAPH: Final = re.compile(r"\n[ \t]*\n")
_LEVELS: Final = (Urgency.CRITICAL, Urgency.HIGH, Urgency.MEDIUM, Urgency.LOW)
_NEGATION_REACH: Final = 3
_WORD: Final = re.compile(r"[\w']+")
# What is asked stands at the beginning; "urgent" in the small print is nobody's hurry.
_FIRST: Final = 3_000


class Support:
    """Finds the facts of a request for support by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, identifiers: Identifiers) -> None:
        self._urgency = vocabulary.phrases("urgency")
        self._negation = vocabulary.words("sentiment", "negation")
        self._greetings = vocabulary.words("people", "greeting")
        self._closings = vocabulary.words("people", "closing")
        self._identifiers = identifiers

    def read(self, source: Source) -> SupportFacts:
        """The facts; urgency is medium where nothing tells."""
        return SupportFacts(
            ticket_ids=source.shielded("ticket numbers", lambda: self.ticket_ids(source), ()),
            urgency=source.shielded("urgency", lambda: self.urgency(source), None),
            customer=source.shielded("customer", lambda: customer(source), None),
            issue_summary=source.shielded("summary", lambda: self.summary(source), None),
        )

    def ticket_ids(self, source: Source) -> tuple[TextFact, ...]:
        """The ticket numbers, that of the subject first."""
        found = [
            *(each for each in self._identifiers.find(source.passages) if each.kind == "ticket"),
            *self._identifiers.bracketed(source.subject),
        ]
        return best(identifier.fact() for identifier in found)

    def urgency(self, source: Source) -> UrgencyFact:
        """How pressing the request is: the highest level that it names, and where."""
        if _marked_important(source):
            return _told(Urgency.HIGH, 0.8)
        found = [
            (_LEVELS.index(Urgency(hit.key)), passage, hit)
            for passage in (source.subject, *source.written)
            for hit in self._urgency.find(passage)
            if hit.start < _FIRST and not self._negated(passage, hit)
        ]
        if not found:
            return _told(Urgency.MEDIUM, 0.4)
        level, passage, hit = min(found, key=lambda entry: entry[0])
        confidence = 0.85 if passage.part is Part.SUBJECT else 0.7
        return passage.fact(UrgencyFact, _LEVELS[level], hit.start, hit.end, confidence)

    def summary(self, source: Source) -> TextFact | None:
        """The first paragraph between greeting and closing, at most 500 characters of it.

        The subject where there is none; as in the guide, the length of a paragraph says nothing.
        """
        for passage in source.written:
            for start, end in _paragraphs(passage.text):
                start = self._after_greeting(passage, start, end)
                end = self._before_closing(passage, start, end)
                value = " ".join(passage.text[start:end].split())[:_SUMMARY_LIMIT]
                if any(letter.isalnum() for letter in value):
                    start += len(passage.text[start:end]) - len(passage.text[start:end].lstrip())
                    return passage.fact(TextFact, value, start, end, 0.7)
        if source.subject.text:
            text = source.subject.text
            return source.subject.fact(TextFact, text[:_SUMMARY_LIMIT], 0, len(text), 0.4)
        return None

    def _after_greeting(self, passage: Passage, start: int, end: int) -> int:
        """Where the paragraph goes on after "Dear support team,"."""
        line = passage.text.find("\n", start, end)
        comma = passage.text.find(",", start, min(end, start + _SHORT))
        begins = passage.lowered[start : start + _SHORT].lstrip()
        if not any(_begins_with(begins, greeting) for greeting in self._greetings):
            return start
        stops = [stop + 1 for stop in (line, comma) if 0 <= stop - start <= _SHORT]
        return min(stops) if stops else (end if end - start <= _SHORT else start)

    def _before_closing(self, passage: Passage, start: int, end: int) -> int:
        """Where the paragraph ends before "Kind regards" on a line of its own."""
        place = start
        for line in passage.text[start:end].splitlines(keepends=True):
            words = _WORD.findall(passage.lowered, place, place + len(line))
            if len(line) <= _SHORT and " ".join(words) in self._closings:
                return place
            place += len(line)
        return end

    def _negated(self, passage: Passage, hit: Hit) -> bool:
        before = _WORD.findall(passage.lowered, max(0, hit.start - 40), hit.start)
        return any(word in self._negation for word in before[-_NEGATION_REACH:])


def customer(source: Source) -> CustomerFact | None:
    """Who asks: where an answer should go, else who sent it."""
    message = source.message
    if message is None:
        return None
    sender = message.from_address
    answers = [address for address in message.reply_to_addresses if address.host]
    chosen = answers[0] if answers else sender
    if chosen is None:
        return None
    name = chosen.name or (sender.name if sender else "")
    value = Customer(name=name, email=chosen.address)
    return CustomerFact(
        value=value, confidence=0.9, part=Part.HEADERS, text=chosen.address[:_SHORT]
    )


def _begins_with(text: str, word: str) -> bool:
    return text.startswith(word) and not text[len(word) : len(word) + 1].isalnum()


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in _PARAGRAPH.finditer(text):
        if text[start : gap.start()].strip():
            yield start, gap.start()
        start = gap.end()
    if text[start:].strip():
        yield start, len(text)


def _marked_important(source: Source) -> bool:
    if source.message is None:
        return False
    headers = source.message.headers
    return headers.get("importance", "").strip().lower() == "high" or headers.get(
        "x-priority", ""
    ).strip().startswith(("1", "2"))


def _told(urgency: Urgency, confidence: float) -> UrgencyFact:
    return UrgencyFact(value=urgency, confidence=confidence, part=Part.HEADERS, text="")
