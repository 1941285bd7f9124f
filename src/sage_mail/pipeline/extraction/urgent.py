"""What is to be done, and by when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time
from typing import Final

from sage_mail.pipeline.extraction.dates import Calendar, Hint, When
from sage_mail.pipeline.extraction.facts import (
    MOST_FACTS,
    Deadline,
    DeadlineFact,
    TextFact,
    UrgentFacts,
)
from sage_mail.pipeline.extraction.locale import Locale
from sage_mail.pipeline.extraction.passage import Passage, best
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Hit, Vocabulary

__all__ = ["Urgent"]

# "by" stands next to its date, "deadline" a few words before: "the deadline for all is on Friday".
_TIGHT_GAP: Final = 16
_LOOSE_GAP: Final = 70
# Between "by" and its date stand only words like these.
_FILLER: Final = re.compile(
    r"[ ,:]*(?:(?:the|this|next|on|at|is|am|zum|den|dem|der|die|latest|no|later|than|end|of|le|il"
    r"|el|dia|morning|afternoon|evening|spätestens|einschließlich)[ ,:]+){0,4}"
)
# "Sunday's midnight deadline", "the 12/15 deadline"
_AFTER_THEIR_DATE: Final = frozenset({"deadline"})
_BEFORE_GAP: Final = 14
# "Before 2:00" and "until 4:30" tell when something happens as often as what is due.
_NEED_A_DAY: Final = frozenset({"until", "before", "vor dem", "prior to"})
_NOTHING: Final = re.compile(r"(?:n't|\bnot|\bnothing|\bnot much)\b[^.!?]{0,80}$")
_END_OF_DAY: Final = time(23, 59)
_SENTENCE_END: Final = re.compile(
    r"[.!?](?=\s|$)|\n[ \t]{0,40}\n|\n[ \t]{0,40}(?:\[[ xX]?\][^\n]{0,300}\n|[-*\u2022\[])"
)
_ACTION_LIMIT: Final = 300
_SHORTEST_ACTION: Final = 3
_LISTED: Final = re.compile(
    r"^[ \t]{0,8}(?:\[[ xX]?\]|TODO:?|Action(?: item)?:|Aufgabe:)[ \t]{0,40}\S", re.M
)
_DATE_AND_ALL: Final = 0.95


class Urgent:
    """Finds deadlines and requests by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, calendar: Calendar, locale: Locale) -> None:
        self._cues = vocabulary.phrases("deadlines")
        self._actions = vocabulary.phrases("actions")
        self._calendar = calendar
        self._locale = locale

    def read(self, source: Source) -> UrgentFacts | None:
        """The deadlines and requests of what the writer wrote, None where there are none."""
        deadlines = source.shielded("deadlines", lambda: self.deadlines(source), ())
        actions = source.shielded("actions", lambda: self.actions(source), ())
        if not deadlines and not actions:
            return None
        return UrgentFacts(deadlines=deadlines, actions=actions)

    def deadlines(self, source: Source) -> tuple[DeadlineFact, ...]:
        """The deadlines, those of the subject first; nothing that was over when it was sent."""
        passages = [p for p in (source.subject, *source.written) if self._cues.find(p)]
        if not passages:
            return ()
        hint = self._locale.hint(source, ahead=True)
        return best(fact for passage in passages for fact in self._due(passage, hint))

    def actions(self, source: Source) -> tuple[TextFact, ...]:
        """The requests of what the writer wrote."""
        return best(fact for passage in source.written for fact in self._asked(passage))

    def _due(self, passage: Passage, hint: Hint) -> Iterator[DeadlineFact]:
        hits = self._cues.find(passage)
        whens = self._calendar.find(passage, hint) if hits else []
        for hit in hits:
            when = _due_at(passage, hit, whens)
            if _is_not_until(passage, hit):
                continue
            if when is None and hit.key == "tight" and hit.phrase not in _NEED_A_DAY:
                when = self._calendar.time_at(passage, hit.end, hint)
            if when is None:
                continue
            deadline = _deadline(when, hint)
            if deadline.at < hint.base and hint.known:
                continue
            confidence = when.confidence * (_DATE_AND_ALL if hit.key == "tight" else 0.9)
            yield passage.fact(DeadlineFact, deadline, when.start, when.end, confidence)

    def _asked(self, passage: Passage) -> Iterator[TextFact]:
        """The sentences that ask for something, and lines that are listed as tasks."""
        asked = [hit for hit in self._actions.find(passage) if hit.key == "ask"]
        polite = [hit for hit in self._actions.find(passage) if hit.key == "polite"]
        reached = -1
        for hit in asked[:MOST_FACTS]:
            start, end = _sentence(passage.text, hit.start)
            if start < reached or any(start <= other.start < end for other in polite):
                continue
            reached = end
            if passage.text.count(" ", start, end) >= _SHORTEST_ACTION:
                value = " ".join(passage.text[start:end].split())
                near = hit.start - start <= _TIGHT_GAP
                yield passage.fact(TextFact, value, start, end, 0.75 if near else 0.6)
        for count, line in enumerate(_LISTED.finditer(passage.text)):
            if count == MOST_FACTS:
                return
            end = passage.text.find("\n", line.end())
            end = min(end if end >= 0 else len(passage.text), line.start() + _ACTION_LIMIT)
            value = " ".join(passage.text[line.start() : end].split())
            yield passage.fact(TextFact, value, line.start(), end, 0.85)


def _due_at(passage: Passage, hit: Hit, whens: list[When]) -> When | None:
    """The date that the cue speaks of: right after it, or within its sentence."""
    for when in whens:
        if hit.phrase in _AFTER_THEIR_DATE and 0 <= hit.start - when.end <= _BEFORE_GAP:
            return when
        # "Within 24 hours" is its own cue.
        if when.start <= hit.start and hit.end <= when.end and when.relative:
            return when
        if when.start < hit.end:
            continue
        between = passage.lowered[hit.end : when.start]
        if hit.key == "tight":
            near = len(between) <= _TIGHT_GAP + 24 and _FILLER.fullmatch(f"{between} ".lstrip(" "))
            return when if len(between) <= 2 or near else None
        return when if len(between) <= _LOOSE_GAP and not _ends(between) else None
    return None


def _is_not_until(passage: Passage, hit: Hit) -> bool:
    """Whether it says that nothing happens until then, which is no deadline."""
    return hit.phrase == "until" and bool(
        _NOTHING.search(passage.lowered, max(0, hit.start - 90), hit.start)
    )


def _ends(between: str) -> bool:
    return re.search(r"[.!?] ", between) is not None


def _deadline(when: When, hint: Hint) -> Deadline:
    zone = when.zone or hint.base.tzinfo
    at = datetime.combine(when.day, when.clock or _END_OF_DAY, zone)
    return Deadline(at=at, all_day=when.clock is None)


def _sentence(text: str, place: int) -> tuple[int, int]:
    """Where the sentence begins and ends in which the place lies."""
    floor = max(0, place - _ACTION_LIMIT)
    start = floor
    for found in _SENTENCE_END.finditer(text, floor, place):
        start = found.end()
    while start < place and not text[start].isalnum():
        start += 1
    found_end = _SENTENCE_END.search(text, place, place + _ACTION_LIMIT)
    end = found_end.start() + 1 if found_end else min(len(text), place + _ACTION_LIMIT)
    return start, end
