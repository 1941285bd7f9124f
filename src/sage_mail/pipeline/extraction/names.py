"""People and organisations: from addresses, greetings, closings, titles and legal forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sage_mail.pipeline.extraction.facts import Part, Person, PersonFact, TextFact
from sage_mail.pipeline.extraction.passage import Passage, best
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Names"]

_NAME_WORD: Final = r"[A-ZÀ-ÖØ-ÞŁŚŻ][\w'\u2019.-]{0,24}"
_PERSON: Final = re.compile(rf"[ \t]{{0,2}}({_NAME_WORD}(?:[ ]{_NAME_WORD}){{0,3}})")
_LINE: Final = re.compile(
    rf"[ \t,!.]{{0,4}}\n[ \t\n]{{0,6}}({_NAME_WORD}(?:[ ]{_NAME_WORD}){{0,3}})[ \t]*(?:\n|$)"
)
_BEFORE_SUFFIX: Final = re.compile(
    r"(?:(?:[A-ZÀ-ÖØ-Þ0-9][\w&.'\u2019-]{0,30}|&|und|and|of|für|de)[ ,]{1,2}){1,5}$"
)
_NAME_LIMIT: Final = 80
_REACH: Final = 90
_CLOSINGS_FROM: Final = 0.2
_ENDINGS: Final = re.compile(r"[.\s,;:!?'\u2019-]+$")


class Names:
    """Finds people and organisations by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        people = vocabulary.table("people")
        self._cues = vocabulary.phrases("people")
        self._nobody = frozenset(people.get("nobody", ()))
        self._titles = frozenset(people.get("title", ()))
        self._suffixes = vocabulary.phrases("organisations")

    def people(self, source: Source) -> tuple[PersonFact, ...]:
        """The people of the header, and those who are greeted, named with a title or sign."""
        return best([*_in_headers(source), *self._in_texts(source)])

    def organisations(self, source: Source) -> tuple[TextFact, ...]:
        """The organisations that are named with their legal form."""
        return best(fact for passage in source.passages for fact in self._companies(passage))

    def _in_texts(self, source: Source) -> Iterator[PersonFact]:
        for passage in source.bodies:
            for hit in self._cues.find(passage):
                if hit.key == "nobody":
                    continue
                closing = hit.key == "closing"
                if closing and hit.start < _CLOSINGS_FROM * len(passage.text):
                    continue
                found = (_LINE if closing else _PERSON).match(passage.text, hit.end)
                if found is None:
                    continue
                name = self._name(found[1])
                if name:
                    start = found.start(1)
                    end = start + len(found[1])
                    confidence = 0.75 if hit.key == "title" or closing else 0.65
                    yield passage.fact(PersonFact, Person(name=name), start, end, confidence)

    def _name(self, text: str) -> str:
        """The name without titles; empty where it is nobody's: "Dear Customer"."""
        words = []
        for word in text.split():
            lowered = word.lower().strip(".,'")
            if lowered in self._nobody or word.isdigit():
                break
            if lowered not in self._titles:
                words.append(word)
        return _ENDINGS.sub("", " ".join(words))

    def _companies(self, passage: Passage) -> Iterator[TextFact]:
        for hit in self._suffixes.find(passage):
            # "ag" and "co" are legal forms only as they are written: AG, Co.
            if not passage.text[hit.start].isupper() and hit.phrase not in {"gmbh", "e.v", "mbh"}:
                continue
            start = max(0, hit.start - _REACH)
            line = passage.text.rfind("\n", start, hit.start) + 1
            found = _BEFORE_SUFFIX.search(passage.text, max(start, line), hit.start)
            if found is None:
                continue
            name = " ".join(passage.text[found.start() : hit.end].split())
            if name[0].isalnum() and len(name) <= _NAME_LIMIT:
                yield passage.fact(TextFact, name, found.start(), hit.end, 0.75)


def _in_headers(source: Source) -> Iterator[PersonFact]:
    if source.message is None:
        return
    message = source.message
    senders = message.from_addresses[:2]
    for address in (*senders, *message.to_addresses[:5], *message.cc_addresses[:5]):
        name = address.name.strip().strip("'\"")
        if name and "@" not in name and " " in name:
            person = Person(name=name[:_NAME_LIMIT], email=address.address)
            confidence = 0.85 if address in senders else 0.8
            yield PersonFact(
                value=person, confidence=confidence, part=Part.HEADERS, text=name[:_NAME_LIMIT]
            )
