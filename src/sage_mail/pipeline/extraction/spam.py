"""What speaks for spam or fraud: words, and links that are not what they seem."""

from __future__ import annotations

from sage_mail.pipeline.extraction.facts import SpamFacts, TextFact
from sage_mail.pipeline.extraction.links import Links
from sage_mail.pipeline.extraction.passage import best
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Spam"]

_CONFIDENCE = 0.5


class Spam:
    """Finds signs of spam by the words of a vocabulary; it judges nothing, `Classify` does."""

    def __init__(self, vocabulary: Vocabulary, links: Links) -> None:
        self._indicators = vocabulary.phrases("spam")
        self._links = links

    def read(self, source: Source) -> SpamFacts | None:
        """The signs and the number of links, None where there is neither."""
        indicators = source.shielded("spam words", lambda: self._words(source), ())
        urls = source.shielded("links", lambda: self._links.find(source), [])
        if not indicators and not urls:
            return None
        links = source.shielded("suspicious links", lambda: self._links.suspicious(urls), ())
        return SpamFacts(indicators=indicators, links=links, url_count=self._links.count(urls))

    def _words(self, source: Source) -> tuple[TextFact, ...]:
        return best(
            passage.fact(TextFact, hit.phrase, hit.start, hit.end, _CONFIDENCE)
            for passage in source.passages
            for hit in self._indicators.find(passage)
        )
