"""What a message is about: its own words that are neither common nor names of things in mail."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from typing import Final

from sage_mail.pipeline.extraction.facts import Part, TextFact
from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Keywords"]

_MOST: Final = 10
_SHORTEST: Final = 4
_LONGEST: Final = 30
_MOST_WORDS: Final = 1_500
_SUBJECT_COUNTS: Final = 3.0
_NOISE: Final = frozenset(
    {
        "http", "https", "html", "mailto", "image", "unsubscribe", "click", "email", "mail",
        "message", "subject", "sent", "nbsp", "more", "also", "into", "only", "them", "then",
        "such", "very", "much", "many", "most", "every", "both", "other", "another", "while",
        "where", "because", "since", "through", "being", "those", "does", "doing", "like", "make",
        "made", "want", "need", "know", "take", "come", "even", "well", "back", "over", "after",
        "before", "still", "time", "date", "team", "support", "customer", "help", "using",
        "used", "having", "between", "during", "under", "without", "within", "regarding",
        "mailing", "list", "wrote", "writes", "best", "kind", "würde", "werde", "wurden",
        "worden", "dann", "hier", "jetzt", "schon", "immer", "sowie", "damit", "dabei", "denn",
        "doch", "etwa", "ganz", "jede", "jeder", "alle", "allem", "allen", "anderen", "andere",
        "ohne", "gegen", "zwischen", "während", "seit", "weil", "haben", "hatte", "sein", "seine",
        "ihrem", "ihrer", "dein", "deine", "meinem", "meinen", "unserer", "unserem", "unseren",
        "könnte", "könnten", "möchte", "möchten", "müssen", "sollte", "sollten", "gibt", "machen",
        "bzgl", "bezüglich", "nachricht", "betreff",
    }
)  # fmt: skip


class Keywords:
    """Finds keywords; the function words of every language of the vocabulary are none."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        common = {word for words in vocabulary.table("language").values() for word in words}
        people = vocabulary.table("people")
        polite = {
            part
            for key in ("greeting", "closing", "title", "nobody")
            for phrase in people.get(key, ())
            for part in phrase.split()
        }
        times = {
            word
            for table in ("months", "weekdays", "days")
            for words in vocabulary.table(table).values()
            for word in words
        }
        self._ignored = frozenset(common | polite | times | _NOISE)

    def find(self, source: Source) -> tuple[TextFact, ...]:
        """The keywords, the weightiest first, at most ten.

        Those of the subject count three times. The confidence is the weight by that of the first.
        """
        weights: defaultdict[str, float] = defaultdict(float)
        for word in self._words(source.subject):
            weights[word] += _SUBJECT_COUNTS * _length(word)
        for passage in source.written:
            for word, count in self._words(passage).items():
                weights[word] += (1.0 + math.log(count)) * _length(word)
        ranked = heapq.nsmallest(_MOST, weights.items(), key=lambda entry: (-entry[1], entry[0]))
        top = ranked[0][1] if ranked else 1.0
        part = source.written[0].part if source.written else Part.SUBJECT
        return tuple(
            TextFact(
                value=word,
                confidence=round(0.9 * weight / top, 2),
                part=part,
                text=word,
            )
            for word, weight in ranked
        )

    def _words(self, passage: Passage) -> dict[str, int]:
        return {
            word: count
            for word, count in Counter(passage.tokens[:_MOST_WORDS]).items()
            if _SHORTEST <= len(word) <= _LONGEST and word not in self._ignored and word.isalpha()
        }


def _length(word: str) -> float:
    """Longer words say more, up to a point."""
    return math.sqrt(min(len(word), 12))
