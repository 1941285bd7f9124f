"""The tone of a text, by words with a sign: what negates turns them, what strengthens adds."""

from __future__ import annotations

from typing import Final

from sage_mail.pipeline.extraction.facts import Part, Sentiment, SentimentFact
from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Tone"]

_MOST_WORDS: Final = 1_500
# "not at all good", "nicht wirklich gut"
_REACH: Final = 3
_STRONGER: Final = 1.5
_TURNED: Final = -0.7
# The room in which a score is neutral, and how many words it takes to be sure.
_NEUTRAL: Final = 0.2
_SURE: Final = 4.0


class Tone:
    """Judges the tone of texts by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._signs = {
            **dict.fromkeys(vocabulary.words("sentiment", "positive"), 1.0),
            **dict.fromkeys(vocabulary.words("sentiment", "negative"), -1.0),
        }
        self._known = frozenset(self._signs)
        # Words end at apostrophes: "don't" ends in a "t" of its own.
        self._negation = vocabulary.words("sentiment", "negation") | {"t"}
        self._stronger = vocabulary.words("sentiment", "stronger")

    def of_source(self, source: Source) -> SentimentFact:
        """The tone of what the writer wrote, the subject included."""
        return self.of_passages((source.subject, *source.written))

    def of_passages(self, passages: tuple[Passage, ...]) -> SentimentFact:
        """The tone of texts: the balance of their signed words, from -1 to 1."""
        total, count = 0.0, 0
        for passage in passages:
            if self._known.isdisjoint(passage.words):
                continue
            found, counted = self._balance(passage.tokens[:_MOST_WORDS])
            total, count = total + found, count + counted
        # One good word in a long letter says little: as if two neutral ones stood beside it.
        score = max(-1.0, min(1.0, total / (count + 2))) if count else 0.0
        label = "neutral"
        if abs(score) > _NEUTRAL:
            label = "positive" if score > 0 else "negative"
        confidence = 0.5 + 0.4 * abs(score) * min(1.0, count / _SURE)
        part = passages[-1].part if passages else Part.PLAIN
        sentiment = Sentiment(label=label, score=round(score, 2))
        return SentimentFact(value=sentiment, confidence=round(confidence, 2), part=part, text="")

    def _balance(self, words: list[str]) -> tuple[float, int]:
        total, count = 0.0, 0
        for place, word in enumerate(words):
            sign = self._signs.get(word)
            if sign is None:
                continue
            before = words[max(0, place - _REACH) : place]
            if word not in self._negation and not self._negation.isdisjoint(before):
                sign *= _TURNED
            if not self._stronger.isdisjoint(before[-2:]):
                sign *= _STRONGER
            total += sign
            count += 1
        return total, count
