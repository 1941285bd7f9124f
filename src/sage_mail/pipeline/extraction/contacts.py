"""Phones, mail addresses, postal addresses, IBANs, VAT numbers and cards.

Candidates come from patterns; phonenumbers and python-stdnum say whether they are real ones. A card
number is kept as its last four digits alone (PCI DSS 3.4.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import phonenumbers
from stdnum import iban, luhn
from stdnum.eu import vat

from sage_mail.pipeline.extraction.facts import TextFact
from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Contacts"]

_MOST_CANDIDATES: Final = 40
# One candidate costs 50 microseconds; a signature has three.
_MOST_PHONES: Final = 8
_LOCAL: Final = re.compile(r"[\w.+%-]{1,64}$")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}")
_INTERNATIONAL: Final = re.compile(r"(?:\+|00[1-9]|\(\+)[\d ()/.\u2011\u2013\xa0-]{5,22}\d")
_LABELLED: Final = re.compile(r"[^\d+(\n]{0,12}([+(\d][\d ()/.\u2011\u2013\xa0-]{5,22}\d)")
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ \xa0]?[A-Z0-9]){11,30}\b", re.IGNORECASE)
_SHORTEST_IBAN: Final = 15
_VAT: Final = re.compile(
    r"\b(?:ATU|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK)"
    r"(?:[ \xa0.]?[0-9A-Z]){7,14}\b"
)
_CARD: Final = re.compile(r"\d(?:[ -]?\d){12,18}(?![\d-])")
_CARD_BEGINNINGS: Final = re.compile(r"4|5[1-5]|2[2-7]|3[47]|3[068]|6(?:011|5|4[4-9])|35")
_ZIP_CITY: Final = re.compile(
    r"\d{4,5}[ ]{1,2}[A-ZÄÖÜ][\wäöüßéè.-]{2,30}(?:[ ][A-ZÄÖÜa-zäöü][\w.-]{1,20}){0,2}"
)
_STATE_ZIP: Final = re.compile(r"(?<![A-Za-z])[A-Z]{2},?[ ]{1,3}\d{5}(?:-\d{4})?(?![\d-])")
_POSTCODE: Final = re.compile(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?!\w)")
# Words and what parts them have no character in common, so that no match is tried twice.
_STREET_END: Final = re.compile(
    r"(?:[A-ZÄÖÜ][\wäöüß.'-]{1,30}[ ]){1,4}\d{1,4}[ ]?[a-z]?[ ,\n\t\u2013|-]{1,6}$"
)
_STREET_BEFORE: Final = re.compile(
    r"\d{1,5}[A-Za-z]? [A-Z][\w.'-]{0,30}[ ,\n\t|]{1,6}(?:[\w.'#-]{1,30}[ ,\n\t|]{1,6}){0,6}$"
)
_STREET_REACH: Final = 80
_COMMAS: Final = re.compile(r"[ \t,|]{0,20},[ \t,|]{0,20}")
# What a word must look like for the pattern to be worth the search.
_IBAN_BEGINS: Final = re.compile(r"[a-z]{2}\d{2}")
# Four digits that are no year.
_ZIP: Final = re.compile(r"\d{5}|(?!19|20)\d{4}")
_OUTWARD: Final = re.compile(r"[a-z]{1,2}\d[a-z\d]?|[a-z]{1,2}\d[a-z\d]?\d[a-z]{2}")
_VAT_COUNTRIES: Final = frozenset(
    "at be bg cy cz de dk ee el es fi fr hr hu ie it lt lu lv mt nl pl pt ro se si sk".split()  # noqa: SIM905
)
_VAT_WORDS: Final = frozenset({"vat", "ust", "uid", "tva", "iva", "btw", "umsatzsteuer", "mwst"})
_PARTS: Final = frozenset("0123456789.,-")


class Contacts:
    """Finds how somebody can be reached or paid, by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._labels = vocabulary.phrases("phones")

    def emails(self, passage: Passage) -> Iterator[TextFact]:
        """The mail addresses in the text."""
        text = passage.text
        place = text.find("@")
        for _ in range(_MOST_CANDIDATES):
            if place < 0:
                return
            local = _LOCAL.search(text, max(0, place - 64), place)
            domain = _DOMAIN.match(text, place + 1)
            if local and domain:
                start, end = local.start(), domain.end()
                yield passage.fact(TextFact, text[start:end].lower(), start, end, 0.98)
            place = text.find("@", place + 1)

    def phones(self, passage: Passage, region: str) -> Iterator[TextFact]:
        """The phone numbers in the text in the form of E.164, read as in the region."""
        for start, end, confidence in self._phone_places(passage)[:_MOST_PHONES]:
            number = _phone(passage.text[start:end], region)
            if number:
                yield passage.fact(TextFact, number, start, end, confidence)

    def _phone_places(self, passage: Passage) -> list[tuple[int, int, float]]:
        """Where a number stands that says its country, or after a word for phone."""
        found: dict[int, tuple[int, int, float]] = {}
        if "+" in passage.text or any(number.startswith("00") for number in passage.numbers):
            for each in _some(_INTERNATIONAL, passage):
                if not passage.text[each.start() - 1 : each.start()].isalnum():
                    found[each.start()] = (each.start(), each.end(), 0.95)
        for hit in self._labels.find(passage):
            if labelled := _LABELLED.match(passage.text, hit.end):
                found.setdefault(labelled.start(1), (*labelled.span(1), 0.8))
        return sorted(found.values())

    def ibans(self, passage: Passage) -> Iterator[TextFact]:
        """The IBANs in the text, without spaces; only those whose check digits are right."""
        if not any(_IBAN_BEGINS.match(number) for number in passage.numbers):
            return
        for found in _some(_IBAN, passage):
            # The words that follow look like groups of it.
            text = found[0].replace("\xa0", " ")
            while len(text) >= _SHORTEST_IBAN:
                if iban.is_valid(text):
                    end = found.start() + len(text)
                    yield passage.fact(TextFact, iban.compact(text), found.start(), end, 0.99)
                    break
                text = text.rpartition(" ")[0]

    def vat_numbers(self, passage: Passage) -> Iterator[TextFact]:
        """The VAT numbers of the European Union in the text whose check digits are right."""
        if passage.words.isdisjoint(_VAT_WORDS) and not any(
            number[:2] in _VAT_COUNTRIES for number in passage.numbers
        ):
            return
        for found in _some(_VAT, passage):
            text = found[0]
            while text:
                if vat.is_valid(text):
                    end = found.start() + len(text)
                    yield passage.fact(TextFact, vat.compact(text), found.start(), end, 0.95)
                    break
                text = text.rpartition(" ")[0]

    def cards(self, passage: Passage) -> Iterator[TextFact]:
        """The card numbers in the text, as their last four digits."""
        lengths = [len(number) for number in passage.numbers if number.isdigit()]
        if 4 not in lengths and max(lengths, default=0) < 13:
            return
        for found in _some(_CARD, passage):
            if passage.text[found.start() - 1 : found.start()] in _PARTS:
                continue
            digits = re.sub(r"\D", "", found[0])
            if _CARD_BEGINNINGS.match(digits) and luhn.is_valid(digits):
                masked = f"\u2026{digits[-4:]}"
                fact = passage.fact(TextFact, masked, found.start(), found.end(), 0.8)
                yield fact.model_copy(update={"text": masked})

    def addresses(self, passage: Passage) -> Iterator[TextFact]:
        """The postal addresses in the text: German, American and British forms."""
        for wanted, pattern, before in (
            (_ZIP, _ZIP_CITY, _STREET_END),
            (_ZIP, _STATE_ZIP, _STREET_BEFORE),
            (_OUTWARD, _POSTCODE, _STREET_BEFORE),
        ):
            if any(wanted.fullmatch(number) for number in passage.numbers):
                for found in _some(pattern, passage):
                    if fact := _with_street(passage, found, before):
                        yield fact


def _with_street(
    passage: Passage, found: re.Match[str], before: re.Pattern[str]
) -> TextFact | None:
    """The address whose postal code was found, if a street stands before it in three lines."""
    text = passage.text
    if text[found.start() - 1 : found.start()].isalnum():
        return None
    lines = text[max(0, found.start() - _STREET_REACH) : found.start()].rsplit("\n", 3)
    reach = found.start() - len("\n".join(lines[-3:]))
    street = before.search(text, reach, found.start())
    if street is None:
        return None
    value = ", ".join(text[street.start() : found.end()].split("\n"))
    value = _COMMAS.sub(", ", " ".join(value.split())).rstrip(".,")
    return passage.fact(TextFact, value, street.start(), found.end(), 0.75)


def _some(pattern: re.Pattern[str], passage: Passage) -> Iterator[re.Match[str]]:
    for count, found in enumerate(pattern.finditer(passage.text)):
        if count == _MOST_CANDIDATES:
            return
        yield found


def _phone(text: str, region: str) -> str | None:
    if text.startswith("00"):
        text = f"+{text[2:]}"
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
