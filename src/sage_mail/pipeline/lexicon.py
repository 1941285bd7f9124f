"""Words and phrases that speak for something, and finding them in a text.

A word list is a TOML file. A table names a target and the field in which its words count::

    [support.text]
    strong = ["does not work", "error message"]

``text`` means subject and body. The keys are the strengths of the model, strongest first
``decisive``, ``strong``, ``fair`` and ``faint``, and ``against`` for words that speak against the
target. An entry matches whole words, whatever stands between them but letters and digits; a last
``*`` stands for any ending of a single word. Entries in scripts that are written without spaces
match anywhere. Lists add up: the same target may stand in any number of files. A table ``extract``
is left to `sage_mail.pipeline.extraction.vocabulary`.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from sage_mail.pipeline.decision import Field
from sage_mail.pipeline.text import Wording, wording

__all__ = ["Lexicon", "Model", "Rule", "WordListError", "load_lexicon", "load_model"]

# Kana, Han, Thai: scripts without spaces between words.
_UNSPACED: Final = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
# The words of extraction may stand in the same file; see `sage_mail.pipeline.extraction`.
_EXTRACTION: Final = "extract"
# A shorter beginning with "*" would match half of a language.
_PREFIX_LENGTH: Final = 4
_FIELDS: Final[Mapping[str, tuple[Field, ...]]] = {
    "text": (Field.SUBJECT, Field.BODY),
    "subject": (Field.SUBJECT,),
    "body": (Field.BODY,),
    "sender": (Field.SENDER,),
}


class WordListError(ValueError):
    """A word list does not say what it should; the text names the list and the place."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A word or phrase and how much it speaks for its target, in nats."""

    target: str
    phrase: str
    weight: float


@dataclass(frozen=True, slots=True)
class Model:
    """The numbers of the classifier, as ``model.toml`` explains them."""

    strengths: Mapping[str, float]
    fields: Mapping[str, float]
    priors: Mapping[str, float]
    signals: Mapping[str, Mapping[str, float]]
    decay: float
    temperature: float
    usual_length: int
    most_for_short: float


class Lexicon:
    """The rules of one field, arranged so that a text is searched once, whatever their number."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        rules = tuple(rules)
        words: defaultdict[str, list[Rule]] = defaultdict(list)
        phrases: defaultdict[str, list[tuple[str, Rule]]] = defaultdict(list)
        prefixes: defaultdict[str, list[tuple[str, Rule]]] = defaultdict(list)
        anywhere: list[tuple[str, Rule]] = []
        for rule in rules:
            joined = wording(rule.phrase).joined
            parts = joined.split()
            if _UNSPACED.search(rule.phrase):
                anywhere.append((rule.phrase, rule))
            elif rule.phrase.endswith("*"):
                prefixes[parts[0][:_PREFIX_LENGTH]].append((parts[0], rule))
            elif len(parts) == 1:
                words[parts[0]].append(rule)
            else:
                # The longest word is the rarest as a rule, so few phrases are ever tried.
                phrases[max(parts, key=len)].append((joined, rule))
        self._rules = rules
        self._words = dict(words)
        self._phrases = dict(phrases)
        self._prefixes = dict(prefixes)
        self._anywhere = tuple(anywhere)
        # Sets remember hashes, so meeting a text's words with them is cheaper than with keys.
        self._anchors = frozenset(words) | frozenset(phrases)
        self._starts = frozenset(prefixes)

    def only(self, targets: frozenset[str]) -> Lexicon:
        """The lexicon of the rules that speak for one of these targets."""
        return Lexicon(rule for rule in self._rules if rule.target in targets)

    def matches(self, text: Wording) -> Iterator[Rule]:
        """Each rule that the text fulfils, once, however often it does."""
        for word in self._anchors & text.unique:
            yield from self._words.get(word, ())
            for needle, rule in self._phrases.get(word, ()):
                if needle in text.joined:
                    yield rule
        if self._starts:
            yield from self._prefix_matches(text.unique)
        for needle, rule in self._anywhere:
            if needle in text.joined:
                yield rule

    def _prefix_matches(self, unique: frozenset[str]) -> Iterator[Rule]:
        for start in self._starts & {word[:_PREFIX_LENGTH] for word in unique}:
            for prefix, rule in self._prefixes[start]:
                if any(word.startswith(prefix) for word in unique):
                    yield rule


def load_model() -> Model:
    """The model of the package."""
    text = (resources.files(__package__) / "words" / "model.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return Model(
        strengths=data["strengths"],
        fields=data["fields"],
        priors=data["priors"],
        signals=data["signals"],
        decay=data["evidence"]["decay"],
        temperature=data["evidence"]["temperature"],
        usual_length=data["evidence"]["usual_length"],
        most_for_short=data["evidence"]["most_for_short"],
    )


def load_lexicon(
    model: Model, targets: frozenset[str], extra: Mapping[str, str]
) -> dict[Field, Lexicon]:
    """The lexicon of each field, from the lists of the package and the user's own.

    ``extra`` maps names to the texts of further lists in TOML. Raises WordListError, with the
    name of the list, for one that is not TOML or holds a target, field or strength that does not
    exist.
    """
    texts = {
        entry.name: entry.read_text("utf-8")
        for entry in sorted((resources.files(__package__) / "words").iterdir(), key=str)
        if entry.name.endswith(".toml") and entry.name != "model.toml"
    }
    rules: dict[Field, dict[tuple[str, str], Rule]] = {field: {} for field in Field}
    for name, text in {**texts, **extra}.items():
        for field, rule in _parsed(name, text, model, targets):
            key = (rule.target, wording(rule.phrase).joined)
            known = rules[field].setdefault(key, rule)
            if abs(rule.weight) > abs(known.weight):
                rules[field][key] = rule
    return {field: Lexicon(of_field.values()) for field, of_field in rules.items()}


def _parsed(
    name: str, text: str, model: Model, targets: frozenset[str]
) -> Iterator[tuple[Field, Rule]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WordListError(f"{name}: {error}") from error
    for target, tables in data.items():
        if target == _EXTRACTION:
            continue
        _expect(name, "target", target, targets)
        for place, lists in _table(name, target, tables).items():
            _expect(name, "field", place, frozenset(_FIELDS))
            for strength, phrases in _table(name, place, lists).items():
                _expect(name, "strength", strength, frozenset(model.strengths))
                _expect_words(name, strength, phrases)
                for field in _FIELDS[place]:
                    weight = model.strengths[strength] * model.fields[field]
                    yield from ((field, Rule(target, phrase, weight)) for phrase in phrases)


def _table(name: str, key: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WordListError(f"{name}: {key} must be a table")
    return value


def _expect(name: str, what: str, word: str, allowed: frozenset[str]) -> None:
    if word not in allowed:
        known = ", ".join(sorted(allowed))
        raise WordListError(f"{name}: there is no {what} {word!r}; known are {known}")


def _expect_words(name: str, strength: str, phrases: object) -> None:
    if not isinstance(phrases, list) or not all(isinstance(phrase, str) for phrase in phrases):
        raise WordListError(f"{name}: {strength} must be a list of texts")
    for phrase in phrases:
        words = wording(phrase).joined.split()
        if not words:
            raise WordListError(f"{name}: {phrase!r} holds no word")
        if phrase.endswith("*") and (len(words) > 1 or len(words[0]) < _PREFIX_LENGTH):
            raise WordListError(
                f"{name}: {phrase!r} must be one word of {_PREFIX_LENGTH} letters or more before *"
            )
