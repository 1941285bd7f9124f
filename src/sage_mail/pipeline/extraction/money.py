"""Amounts of money as people write them: 1.234,56 EUR, $1,234.56, CHF 1'234.50, 12.5k USD.

An amount is a number beside a currency. price-parser was tried and left: it reads one price out of
a short text, but takes CHF 1'234.50 for 1, loses the sign, and does not say where the price stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from sage_mail.pipeline.extraction.facts import Money, MoneyFact, Part
from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Currencies", "parse_number", "parse_price"]

_SPACE: Final = "[ \\t\\xa0\\u202f\\u2009]"
# Groups of three, Indian groups of two, or plain digits; the last group may be a fraction.
_NUMBER: Final = re.compile(
    r"\d{1,3}(?:,\d{2}){1,3},\d{3}(?!\d)(?:\.\d{1,2}(?!\d))?"
    # Who groups by spaces writes a decimal comma; 1 278.61 are two columns.
    r"|\d{1,3}(?:[ \xa0\u202f]\d{3}){1,4}(?!\d)(?:,\d{1,2}(?!\d)|(?![.,]\d))"
    r"|\d{1,3}(?:[.,'\u2019]\d{3}){1,4}(?!\d)(?:[.,]\d{1,2}(?!\d))?"
    r"|\d{1,12}(?:[.,]\d{1,6})?"
)
# A price as machines and shops tell it: nothing but a number, a sign and a currency.
_PRICE: Final = re.compile(
    rf"(?:[^\d\s.,+-]{{1,5}}\.?)?{_SPACE}?([-\u2212]?)({_NUMBER.pattern}){_SPACE}?(?:[^\d\s.,]{{1,5}})?"
)
# 1.234 is a thousand and more by its looks, and one and a bit by the rules for machines.
_EITHER: Final = re.compile(r"[1-9]\d{0,2}\.\d{3}")
_SCALES: Final = {
    "k": 1_000,
    "K": 1_000,
    "m": 1_000_000,
    "M": 1_000_000,
    "million": 1_000_000,
    "millions": 1_000_000,
    "Million": 1_000_000,
    "Millionen": 1_000_000,
    "Mio.": 1_000_000,
    "Mio": 1_000_000,
    "billion": 1_000_000_000,
    "Mrd.": 1_000_000_000,
    "Tsd.": 1_000,
}
_SCALE: Final = re.compile(
    _SPACE + "?(" + "|".join(map(re.escape, sorted(_SCALES, key=len, reverse=True))) + r")(?!\w)"
)
_SCALE_FIRSTS: Final = frozenset({*(scale[0] for scale in _SCALES), ",", "."})
_BLANKS: Final = " \t\xa0\u202f\u2009"
_DIGITS: Final = "0123456789_"
_MOST_NUMBERS: Final = 400
_LONGEST_CURRENCY: Final = 18
_MINUS: Final = re.compile(r"(?<![\w.,)])[-\u2212\u2013]" + _SPACE + "?$")
_MINUSES: Final = frozenset("-\u2212")
_CONTINUED: Final = re.compile(
    r"[ \xa0]?(?:%|(?:lbs?|kg|g|oz|cm|mm|m|km|h|hrs?|min|gb|mb|x)\b)|[\w:/-]|[.,]\d", re.IGNORECASE
)
_CENTS: Final = re.compile(r"[.,]\d{2}$")
_PERCENT: Final = re.compile(r"[ ]?%")
# Written for "and no cents": 5,- or 5.--
_NO_CENTS: Final = re.compile(r"[.,][-\u2013\u2014]{1,2}")
_GROUPS: Final = re.compile(r"\d{1,3}(?:[.,]\d{2,3}){0,8}[.,]\d{3}")
# "2x 9.99": how many there are stands before the price of one.
_TIMES: Final = re.compile(r"(?<![^\W\d_])[xX]$")
_ASCII_DIGITS: Final = re.compile(r"[.,]?[0-9][0-9.,]*")


def parse_number(text: str) -> Decimal | None:
    """The number that the text is, whichever marks it has; None where it is none.

    The last mark is the decimal one if it stands once and not before exactly three digits, as
    they do in 1.234 and 1,234; of two different marks the last is.
    """
    digits = re.sub("['\u2019 \t\xa0\u202f\u2009]", "", text.strip())
    if not _ASCII_DIGITS.fullmatch(digits):
        return None
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return Decimal(digits)
    mark, other = digits[last], "," if digits[last] == "." else "."
    whole, fraction = digits[:last], digits[last + 1 :]
    grouped = len(fraction) == 3 and len(whole) <= 3 and whole.lstrip("0") != ""
    if digits.count(mark) > 1 or grouped:
        return Decimal(digits.replace(mark, "")) if _GROUPS.fullmatch(digits) else None
    whole = whole.replace(other, "")
    return Decimal(f"{whole or '0'}.{fraction or '0'}") if whole.isdigit() or not whole else None


def parse_price(text: str) -> Decimal | None:
    """The number that the whole text is, with a sign and a currency around it at most.

    None for everything else: exponents, two numbers, and those that can be read in two ways.
    """
    found = _PRICE.fullmatch(text.strip())
    if found is None or _EITHER.fullmatch(found[2]):
        return None
    amount = parse_number(found[2])
    return -amount if amount is not None and found[1] else amount


class Currencies:
    """Finds amounts by the signs and names of currencies."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._hundredths = vocabulary.meanings("subunits")
        self._codes = {**self._hundredths, **vocabulary.meanings("currencies")}
        signs = sorted(self._codes, key=len, reverse=True)
        worded = [re.escape(sign) for sign in signs if sign[0].isalpha() or sign[-1].isalpha()]
        others = [re.escape(sign) for sign in signs if re.escape(sign) not in worded]
        named = "|".join(worded) or "(?!)"
        symbol = "|".join(others) or "(?!)"
        self._before = re.compile(
            rf"(?:(?<![^\W_])(?P<name>{named})|(?P<sign>{symbol})){_SPACE}{{0,2}}[-\u2212]?$"
        )
        self._after = re.compile(
            rf"{_SPACE}{{0,2}}(?:(?P<name>{named})(?![^\W_])|(?P<sign>{symbol})(?!\d))"
        )
        spoken = [sign.lower().strip(".") for sign in signs if sign.strip(".").isalpha()]
        self._words = frozenset(spoken)
        # A sign such as CA$ holds one of these too.
        self._symbols = tuple({letter for sign in signs for letter in sign if _is_symbol(letter)})
        self._firsts = frozenset(sign[0] for sign in signs)
        self._lasts = frozenset(sign[-1] for sign in signs)

    def find(self, passage: Passage) -> list[MoneyFact]:
        """The amounts in the text, in their order."""
        return passage.remember(self, lambda: list(self._find(passage)))

    def _find(self, passage: Passage) -> Iterator[MoneyFact]:
        text = passage.text
        if not self._named(passage):
            return
        taken = 0
        for count, number in enumerate(_NUMBER.finditer(text)):
            if count == _MOST_NUMBERS:
                return
            found = self._amount(passage, number.start(), number.end(), taken)
            if found:
                taken = found.end or 0
                yield found

    def _named(self, passage: Passage) -> bool:
        """Whether any currency is: as a word, as a sign, or glued to a number as in 49,90EUR."""
        return (
            not passage.words.isdisjoint(self._words)
            or any(sign in passage.text for sign in self._symbols)
            or any(word.strip(_DIGITS) in self._words for word in passage.numbers)
        )

    def between(self, passage: Passage, start: int, end: int) -> list[MoneyFact]:
        """The amounts between two places; there two decimals are enough, without a currency."""
        found = []
        taken = start
        for number in _NUMBER.finditer(passage.text, start, end):
            fact = self._amount(passage, number.start(), number.end(), taken)
            fact = fact or _bare_amount(passage, number)
            if fact is not None:
                taken = number.end()
                found.append(fact)
        return found

    def parse(self, text: str, default: str | None = None) -> Money | None:
        """The amount that a short text, such as a cell of a table, holds."""
        for found in self.find(Passage(Part.HTML, text)):
            return found.value
        number = _NUMBER.search(text)
        if number is None or _is_cut(text, number.start(), number.end()):
            return None
        amount = parse_number(number[0])
        if amount is None:
            return None
        negative = text[: number.start()].strip()[:1] in _MINUSES
        return Money(amount=-amount if negative else amount, currency=default)

    def code(self, sign: str) -> str | None:
        """The ISO 4217 code of a sign or name, None where it is not known."""
        return self._codes.get(sign.strip()) or self._codes.get(sign.strip().upper())

    def _amount(self, passage: Passage, start: int, end: int, taken: int) -> MoneyFact | None:
        """The amount whose number stands there; signs before *taken* belong to another one."""
        text = passage.text
        if _is_cut(text, start, end):
            return None
        if not self._beside(text, start, end):
            return None
        amount = parse_number(text[start:end])
        end, scale = _scaled(text, end)
        before = self._sign_before(text, start)
        if before is None and _follows_letter(text, start):
            return None
        if before and before.start() < taken:
            before = None
        after = self._after.match(text, end)
        # The name behind says more than the sign before: $12.00 CAD.
        sign = after if after and (not before or after["name"]) else before
        if amount is None or sign is None or _PERCENT.match(text, end):
            return None
        first = before.start() if before else start
        minus = _MINUS.search(text, max(0, first - 3), first)
        if minus or (before and before[0][-1] in _MINUSES):
            amount = -amount
            first = minus.start() if minus else first
        name = sign["name"] or sign["sign"]
        amount = amount.scaleb(-2) if name in self._hundredths else amount * scale
        money = Money(amount=amount, currency=self._codes[name])
        last = sign.end() if sign is after else end
        return passage.fact(MoneyFact, money, first, last, 0.95 if len(name) > 1 else 0.9)

    def _beside(self, text: str, start: int, end: int) -> bool:
        """Whether a sign can stand beside the number: two letters tell, and most numbers fail."""
        before = text[max(0, start - 4) : start].rstrip(_BLANKS)
        after = text[end : end + 4].lstrip(_BLANKS)
        return (
            before[-1:] in self._lasts
            or before[-1:] in _MINUSES
            or after[:1] in self._firsts
            or after[:1] in _SCALE_FIRSTS
        )

    def _sign_before(self, text: str, start: int) -> re.Match[str] | None:
        return self._before.search(text, max(0, start - _LONGEST_CURRENCY), start)


def _is_symbol(letter: str) -> bool:
    return not letter.isalnum() and letter not in ".- "


def _bare_amount(passage: Passage, number: re.Match[str]) -> MoneyFact | None:
    amount = parse_number(number[0])
    if amount is None or not _CENTS.search(number[0]):
        return None
    text, start, end = passage.text, number.start(), number.end()
    if _is_cut(text, start, end) or _follows_letter(text, start) or _CONTINUED.match(text, end):
        return None
    return passage.fact(MoneyFact, Money(amount=amount), number.start(), number.end(), 0.6)


def _scaled(text: str, end: int) -> tuple[int, int]:
    """Where the number ends with its scale or its mark for no cents, and what it is times."""
    if scaled := _SCALE.match(text, end):
        return scaled.end(), _SCALES[scaled[1]]
    no_cents = _NO_CENTS.match(text, end)
    return (no_cents.end() if no_cents else end), 1


def _is_cut(text: str, start: int, end: int) -> bool:
    """Whether the digits are a piece of something longer: the year of 31.12.2026, a long number."""
    before, after = text[max(0, start - 2) : start], text[end : end + 1]
    if before[-1:].isdigit() or after.isdigit():
        return True
    return len(before) > 1 and before[1] in ".,/:" and before[0].isdigit()


def _follows_letter(text: str, start: int) -> bool:
    """Whether a letter stands before the number that is not its count: the e of 1e5."""
    return text[start - 1 : start].isalpha() and not _TIMES.search(text, max(0, start - 2), start)
