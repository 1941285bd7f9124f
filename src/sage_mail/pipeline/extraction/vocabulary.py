"""The words by which facts are found, and finding them in a text.

Words are data: TOML files in ``sage_mail/pipeline/words/extract``, one a language, and the user's
own, which are added to them. A table under ``extract`` names what its words are for, a key in it
what they mean::

    [extract.identifiers]
    order = ["Bestellung", "Bestellnummer"]

Words are matched without regard to capitals, but those of ``currencies`` and ``subunits``. The
tables and their keys are those of the package (`TABLES`); ``carriers`` takes any key, ``language``
codes of ISO 639 and ``currencies`` and ``subunits`` (the hundredths of one) those of ISO 4217.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.lexicon import WordListError

__all__ = ["TABLES", "Hit", "Phrases", "Vocabulary", "load_vocabulary"]

_ANY: Final[frozenset[str]] = frozenset()
#: The tables that a list may have, with the keys of each; an empty set takes any key.
TABLES: Final[Mapping[str, frozenset[str]]] = {
    "language": _ANY,
    "currencies": _ANY,
    "subunits": _ANY,
    "carriers": _ANY,
    "months": frozenset(map(str, range(1, 13))),
    "weekdays": frozenset(map(str, range(1, 8))),
    "days": frozenset(
        {
            "today",
            "tomorrow",
            "overmorrow",
            "close_of_business",
            "end_of_week",
            "end_of_next_week",
            "end_of_month",
            "end_of_year",
            "next_week",
        }
    ),
    "units": frozenset({"hour", "day", "working_day", "week", "month"}),
    "counts": frozenset(map(str, range(1, 100))),
    "relative": frozenset({"next", "this", "within"}),
    "deadlines": frozenset({"tight", "loose"}),
    "actions": frozenset({"ask", "polite"}),
    "numbers": frozenset({"word"}),
    "identifiers": frozenset({"order", "invoice", "transaction", "customer", "ticket", "tracking"}),
    "amounts": frozenset({"total", "weak_total", "subtotal", "tax", "shipping", "discount"}),
    "dates": frozenset({"ordered", "invoiced", "due", "delivered", "dated"}),
    "columns": frozenset({"name", "quantity", "price", "amount"}),
    "urgency": frozenset({"critical", "high", "medium", "low"}),
    "sentiment": frozenset({"positive", "negative", "stronger", "negation"}),
    "spam": frozenset({"indicators"}),
    "people": frozenset({"title", "greeting", "closing", "nobody"}),
    "organisations": frozenset({"suffix"}),
    "goods": frozenset({"words"}),
    "tasks": frozenset({"words"}),
    "phones": frozenset({"label"}),
    "hosts": frozenset({"shortener", "shared"}),
}

# Tables whose words are not looked for in texts as they are.
_NO_PHRASES: Final = frozenset(
    {
        "language",
        "currencies",
        "subunits",
        "columns",
        "counts",
        "relative",
        "numbers",
        "sentiment",
        "hosts",
    }
)
_MONEY: Final = frozenset({"currencies", "subunits"})
_CODE: Final = (re.compile(r"[A-Z]{3}"), "a code of ISO 4217 such as EUR")
#: What the keys of a table look like that takes any.
_FORMS: Final = {
    "currencies": _CODE,
    "subunits": _CODE,
    "language": (re.compile(r"[a-z]{2,3}"), "a code of ISO 639 such as en"),
}
_WORD: Final = re.compile(r"\w+")
# A sender who writes one word ten thousand times is not looked after each time.
_MOST_HITS: Final = 60


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase that stands in a text: what it means, which it is, and where."""

    key: str
    phrase: str
    start: int
    end: int


class Phrases:
    """The phrases of one table of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, table: str) -> None:
        self._vocabulary = vocabulary
        self._table = table

    def find(self, passage: Passage) -> list[Hit]:
        """Where phrases stand as whole words, in order; of those that overlap the longest."""
        return self._vocabulary.hits(passage).get(self._table, [])

    def keys(self, passage: Passage) -> set[str]:
        """What is meant by the phrases in the text."""
        return {hit.key for hit in self.find(passage)}


def _occurrences(text: str, phrase: str) -> Iterator[tuple[int, int]]:
    start = text.find(phrase)
    left = _MOST_HITS
    while start >= 0 and left:
        end = start + len(phrase)
        left -= 1
        before = start == 0 or not (text[start - 1].isalnum() and phrase[0].isalnum())
        if before and (end == len(text) or not (text[end].isalnum() and phrase[-1].isalnum())):
            yield start, end
        start = text.find(phrase, end)


def _is_left(passage: Passage, hit: Hit) -> bool:
    return not (passage.text[hit.start].isspace() or passage.text[hit.end - 1].isspace())


def _outermost(hits: list[Hit]) -> Iterator[Hit]:
    reached = -1
    for hit in hits:
        if hit.end > reached:
            reached = hit.end
            yield hit


class Vocabulary:
    """All words for extraction, by table and key; immutable, from `load_vocabulary`.

    The phrases of all tables are looked for together: the words of a text meet theirs once, and
    few are left then.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
        self._tables = tables
        meanings: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for table in tables.keys() - _NO_PHRASES:
            for key, phrases in tables[table].items():
                for phrase in phrases:
                    meanings[phrase].append((table, key))
        by_anchor: defaultdict[str, list[tuple[str, list[tuple[str, str]]]]] = defaultdict(list)
        for phrase, meant in meanings.items():
            # The longest word is the rarest as a rule; what has none is looked for always.
            anchor = max(_WORD.findall(phrase), key=len, default="")
            by_anchor[anchor].append((phrase, meant))
        self._by_anchor = dict(by_anchor)
        self._anchors = frozenset(by_anchor) - {""}

    def hits(self, passage: Passage) -> dict[str, list[Hit]]:
        """Where the phrases of each table stand in the text."""
        return passage.remember(self, lambda: self._find(passage))

    def _find(self, passage: Passage) -> dict[str, list[Hit]]:
        if passage.whole is not None:
            # What is hidden is spaces, and no phrase begins or ends with one.
            return {
                table: [hit for hit in hits if _is_left(passage, hit)]
                for table, hits in self.hits(passage.whole).items()
            }
        text = passage.lowered
        found: defaultdict[str, list[Hit]] = defaultdict(list)
        for anchor in ("", *(self._anchors & passage.words)):
            for phrase, meant in self._by_anchor.get(anchor, ()):
                if phrase in text:
                    for start, end in _occurrences(text, phrase):
                        for table, key in meant:
                            found[table].append(Hit(key, phrase, start, end))
        for hits in found.values():
            hits.sort(key=lambda hit: (hit.start, -hit.end, hit.key))
        return {table: list(_outermost(hits)) for table, hits in found.items()}

    def table(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """The words of a table by key, in lower case but for currencies."""
        return self._tables.get(name, {})

    def words(self, name: str, key: str) -> frozenset[str]:
        """The words of one key of a table."""
        return frozenset(self.table(name).get(key, ()))

    def phrases(self, name: str) -> Phrases:
        """The phrases of a table, ready for finding."""
        return Phrases(self, name)

    def meanings(self, name: str) -> dict[str, str]:
        """The key of each word of a table; the first list that names a word decides."""
        found: dict[str, str] = {}
        for key, words in self.table(name).items():
            for word in words:
                found.setdefault(word, key)
        return found


def load_vocabulary(extra: Mapping[str, str] | None = None) -> Vocabulary:
    """The words of the package and of the user's own lists.

    ``extra`` maps names to the texts of further lists in TOML; tables in them beside ``extract``
    are the classifier's. Raises WordListError, with the list's name, for one that is not TOML or
    has a table or key that does not exist.
    """
    folder = resources.files("sage_mail.pipeline") / "words" / "extract"
    texts = {
        entry.name: entry.read_text("utf-8")
        for entry in sorted(folder.iterdir(), key=str)
        if entry.name.endswith(".toml")
    }
    tables: defaultdict[str, defaultdict[str, dict[str, None]]]
    tables = defaultdict(lambda: defaultdict(dict))
    for name, text in {**texts, **(extra or {})}.items():
        for table, key, words in _parsed(name, text):
            folded = words if table in _MONEY else [word.lower() for word in words]
            tables[table][key].update(dict.fromkeys(folded))
    return Vocabulary(
        {
            table: {key: tuple(words) for key, words in keys.items()}
            for table, keys in tables.items()
        }
    )


def _parsed(name: str, text: str) -> Iterator[tuple[str, str, list[str]]]:
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WordListError(f"{name}: {error}") from error
    for table, keys in _table(name, "extract", data.get("extract", {})).items():
        if table not in TABLES:
            known = ", ".join(sorted(TABLES))
            raise WordListError(f"{name}: there is no table extract.{table}; known are {known}")
        for key, words in _table(name, table, keys).items():
            _check_form(name, table, key)
            if TABLES[table] and key not in TABLES[table]:
                known = ", ".join(sorted(TABLES[table]))
                raise WordListError(f"{name}: extract.{table} has no {key!r}; known are {known}")
            listed = _word_list(name, f"extract.{table}.{key}", words)
            if table in _MONEY and any(letter.isdigit() for word in listed for letter in word):
                raise WordListError(f"{name}: extract.{table}.{key} must hold no digits")
            yield table, key, listed


def _check_form(name: str, table: str, key: str) -> None:
    pattern, form = _FORMS.get(table, (None, ""))
    if pattern is not None and not pattern.fullmatch(key):
        raise WordListError(f"{name}: extract.{table} has {key!r}, which is not {form}")


def _table(name: str, key: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WordListError(f"{name}: {key} must be a table")
    return value


def _word_list(name: str, key: str, words: object) -> list[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise WordListError(f"{name}: {key} must be a list of texts")
    if not all(word.strip() for word in words):
        raise WordListError(f"{name}: {key} holds an empty text")
    return words
