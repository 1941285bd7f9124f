"""Which language a text is in, by its function words and its script.

A word that several languages share counts for each a little. That takes some 10 microseconds a
mail; lingua takes 1 ms for 1,000 characters with eight languages (and 96 MB on the disk), py3langid
0.6 ms and 116 MB of memory. ``docs/explanation/extraction.md`` has how often each is right.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from typing import Final

from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Languages"]

_SAMPLE: Final = 400
# Scripts that are one language's own, or nearly so, in mail.
_SCRIPTS: Final = {
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "GREEK": "el",
    "HEBREW": "he",
    "ARABIC": "ar",
    "THAI": "th",
    "DEVANAGARI": "hi",
    "CYRILLIC": "ru",
    "CJK": "zh",
}
_UKRAINIAN: Final = frozenset("іїєґ")
# The vote of a word that one language has alone; whole numbers add up the same in any order.
_VOTE: Final = 1_000
_ENOUGH: Final = 600


class Languages:
    """Tells languages apart by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        table = vocabulary.table("language")
        shared = Counter(word for words in table.values() for word in set(words))
        self._votes: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for language, words in table.items():
            for word in words:
                self._votes[word].append((language, round(_VOTE / shared[word] ** 1.5)))
        self._known = frozenset(self._votes)
        self._umlauts = {"ß": "de", "ñ": "es", "ã": "pt", "õ": "pt", "ł": "pl", "ę": "pl"}

    def detect(self, passage: Passage) -> tuple[str, float] | None:
        """The ISO 639-1 code of the language and how sure it is; None without any or with two."""
        script = _script(passage.text)
        if script is not None:
            return script
        votes: defaultdict[str, int] = defaultdict(int)
        for word in self._known & passage.words:
            for language, weight in self._votes[word]:
                votes[language] += weight
        for letter, language in self._umlauts.items():
            if letter in passage.lowered:
                votes[language] += _VOTE
        if not votes:
            return None
        ranked = sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))
        first, second = ranked[0][1], ranked[1][1] if len(ranked) > 1 else 0
        if first < _ENOUGH or first == second:
            return None
        # Few votes are little to go by, and so is a narrow lead.
        return ranked[0][0], round((first - second) / (first + _VOTE), 2)


def _script(text: str) -> tuple[str, float] | None:
    """The language that a script other than Latin tells."""
    sample = text.strip()[:_SAMPLE]
    if sample.isascii():
        return None
    letters = [letter for letter in sample if letter.isalpha()]
    names = Counter(
        unicodedata.name(letter, "").partition(" ")[0] for letter in letters if letter > "\u036f"
    )
    found = [(name, count) for name, count in names.most_common() if name in _SCRIPTS]
    total = sum(count for _, count in found)
    if not found or total < 0.4 * len(letters):
        return None
    if any(name in {"HIRAGANA", "KATAKANA"} for name, _ in found):
        return "ja", 0.95
    language = _SCRIPTS[found[0][0]]
    if language == "ru" and _UKRAINIAN & set(sample.lower()):
        language = "uk"
    return language, 0.6 if language == "ru" else 0.9
