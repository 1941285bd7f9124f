"""The amounts of an order or invoice by their labels: total, subtotal, tax, shipping."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sage_mail.pipeline.extraction.facts import Money, MoneyFact
from sage_mail.pipeline.extraction.money import Currencies
from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.vocabulary import Hit, Vocabulary

__all__ = ["Labelled", "Totals"]

# Columns of an invoice printed as text stand this far apart at most.
_LINE_LIMIT: Final = 240
_NEXT_LINE: Final = re.compile(r"[ \t\xa0:.]{0,120}\n[ \t\xa0\n]{0,80}(?=[^\n])")
# Total (incl. VAT): the words in brackets are of the total, and label nothing.
_ASIDE: Final = re.compile(
    r"(?:\(|incl\w{0,7}\.?|inkl\.?|excl\w{0,7}\.?|exkl\.?|zzgl\.?|ohne|of)[ ]?$"
)
_TOTAL_WORDS: Final = re.compile(r"total|gesamt|summe|insgesamt|razem|suma|somme")


@dataclass(frozen=True, slots=True)
class Labelled:
    """An amount with the meaning that its label gives it."""

    key: str
    fact: MoneyFact


class Totals:
    """Finds labelled amounts by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, currencies: Currencies) -> None:
        self._labels = vocabulary.phrases("amounts")
        self._currencies = currencies

    def find(self, passages: Iterable[Passage]) -> list[Labelled]:
        """The labelled amounts of the texts, a currency that is left out taken from the others."""
        found = [labelled for passage in passages for labelled in self._in(passage)]
        codes = Counter(
            labelled.fact.value.currency for labelled in found if labelled.fact.value.currency
        )
        usual = codes.most_common(1)[0][0] if codes else None
        return [_with_currency(labelled, usual) for labelled in found]

    def is_label(self, text: Passage) -> bool:
        """Whether a short text, such as a cell of a table, begins with a label."""
        hits = self._labels.find(text)
        return bool(hits) and hits[0].start <= 1

    def _in(self, passage: Passage) -> Iterator[Labelled]:
        hits = [hit for hit in self._labels.find(passage) if not _is_aside(passage, hit)]
        starts = [*(hit.start for hit in hits), len(passage.text)][1:]
        for hit, following in zip(hits, starts, strict=True):
            found = self._amount(passage, hit, following)
            if found is not None:
                yield Labelled("total" if hit.key == "weak_total" else hit.key, found)

    def _amount(self, passage: Passage, hit: Hit, following: int) -> MoneyFact | None:
        text = passage.text
        line = text.find("\n", hit.end)
        end = min(line if line >= 0 else len(text), hit.end + _LINE_LIMIT, following)
        found = self._currencies.between(passage, hit.end, end)
        confidence = _confidence(hit)
        if found:
            # In a row of a table the last amount is the sum of the others.
            chosen = found[-1] if "total" in hit.key else found[0]
            return chosen.model_copy(update={"confidence": _less(confidence, chosen)})
        below = _NEXT_LINE.match(text, hit.end)
        if below is None or below.end() >= following:
            return None
        line = text.find("\n", below.end())
        end = min(line if line >= 0 else len(text), below.end() + _LINE_LIMIT, following)
        found = self._currencies.between(passage, below.end(), end)
        if not found or (found[0].start or 0) > below.end() + 4:
            return None
        return found[0].model_copy(update={"confidence": _less(confidence - 0.05, found[0])})


def _is_aside(passage: Passage, hit: Hit) -> bool:
    return _ASIDE.search(passage.lowered, max(0, hit.start - 12), hit.start) is not None


def _confidence(hit: Hit) -> float:
    if hit.key != "weak_total":
        return 0.93
    return 0.8 if _TOTAL_WORDS.search(hit.phrase) else 0.6


def _less(confidence: float, fact: MoneyFact) -> float:
    return round(confidence - (0.0 if fact.value.currency else 0.15), 2)


def _with_currency(labelled: Labelled, usual: str | None) -> Labelled:
    fact = labelled.fact
    if fact.value.currency or usual is None:
        return labelled
    money = Money(amount=fact.value.amount, currency=usual)
    return Labelled(labelled.key, fact.model_copy(update={"value": money}))
