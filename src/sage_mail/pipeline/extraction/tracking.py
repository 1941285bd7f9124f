"""Tracking numbers: which carrier's they are, by form and check digit.

Sources: UPU S10-12 (international post), GS1 General Specifications 7.9 (mod 10 of SSCC), USPS
Publication 199 (IMpb), DPD Parcel Label Specification 2.4.1 (ISO 7064 mod 37,36); the check digits
of UPS, FedEx and DHL Express as the community's collection jkeen/tracking_number_data tells them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sage_mail.pipeline.extraction.facts import Part, Tracking, TrackingFact
from sage_mail.pipeline.extraction.identifiers import Identifier
from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Carriers"]

# S10: the last two letters are the country of the post that took the item.
_POSTS: Final[Mapping[str, str]] = {
    "US": "usps",
    "DE": "dhl",
    "GB": "royal mail",
    "FR": "la poste",
    "AU": "australia post",
    "CA": "canada post",
    "CH": "swiss post",
    "AT": "österreichische post",
    "NL": "postnl",
    "IT": "poste italiane",
}
_PLAIN: Final = re.compile(r"[\s-]")
# Forms that are a carrier's own, and therefore looked for without any word for tracking.
_OWN_FORM: Final = re.compile(
    r"(?<![A-Za-z0-9_=/-])(?:1Z[0-9A-Z]{16}|TBA\d{12}|[A-Z]{2}\d{9}[A-Z]{2}"
    r"|JJD\d{10,18}|JVGL\d{10,16}|0034043\d{13}|9[2-5]\d{20})(?![A-Za-z0-9])"
)
_DIGITS_LIMIT: Final = 34
_LETTERS_AND_DIGITS: Final = re.compile(r"[0-9A-Z]+")
# "Tracking: pending2026": no carrier's number has a word in it.
_WORD: Final = re.compile(r"[a-z]{3}")
_SHORTEST: Final = 7


def _digits(number: str) -> list[int]:
    return [int(digit) for digit in number]


def _weighted_ten(number: str, even: int, odd: int) -> bool:
    """Mod 10 with weights for even and odd places, letters counted as UPS does."""
    values = [int(ch) if ch.isdigit() else (ord(ch) - 3) % 10 for ch in number[:-1]]
    total = sum(value * (odd if place % 2 else even) for place, value in enumerate(values))
    return number[-1].isdigit() and (10 - total % 10) % 10 == int(number[-1])


def _ups(number: str) -> bool:
    return _weighted_ten(number[2:], even=1, odd=2)


def _gs1(number: str) -> bool:
    """Mod 10 of GS1: weights 3 and 1 from the right."""
    values = _digits(number)
    total = sum(value * (3 if place % 2 else 1) for place, value in enumerate(reversed(values)))
    return total % 10 == 0


def _fedex_express(number: str) -> bool:
    weights = (3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1)
    total = sum(value * weight for value, weight in zip(_digits(number), weights, strict=False))
    return total % 11 % 10 == int(number[-1])


def _smartpost(number: str) -> bool:
    return _gs1("92" + number)


def _ground_96(number: str) -> bool:
    return _gs1(number[-15:])


def _mod_seven(number: str) -> bool:
    return int(number[:-1]) % 7 == int(number[-1])


def _s10(number: str) -> bool:
    weights = (8, 6, 4, 2, 3, 5, 9, 7)
    total = sum(
        value * weight for value, weight in zip(_digits(number[2:10]), weights, strict=True)
    )
    check = 11 - total % 11
    return int(number[10]) == {10: 0, 11: 5}.get(check, check)


def _gls(number: str) -> bool:
    """Mod 10 with weights 3 and 1 from the right and one more, over ten digits."""
    values = _digits(number[:-1])
    total = 1 + sum(v * (1 if place % 2 else 3) for place, v in enumerate(reversed(values)))
    return (10 - total % 10) % 10 == int(number[-1])


def _dpd(number: str) -> bool:
    """ISO 7064 mod 37,36 over fourteen digits, the check character last."""
    check = 36
    for value in _digits(number[:-1]):
        check += value
        check = (check - 36 if check > 36 else check) * 2
        check = check - 37 if check > 36 else check
    check = (37 - check) % 36
    return number[-1] == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[check]


@dataclass(frozen=True, slots=True)
class _Form:
    """A form of number; ``check`` is None where the form has no check digit."""

    carrier: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None


def _form(carrier: str, pattern: str, check: Callable[[str], bool] | None) -> _Form:
    return _Form(carrier, re.compile(pattern), check)


_FORMS: Final = (
    _form("ups", r"1Z[0-9A-Z]{16}", _ups),
    _form("amazon", r"TBA\d{12}", None),
    _form("dhl", r"0034043\d{13}", _gs1),
    _form("dhl", r"JJD\d{10,18}|JVGL\d{10,16}", None),
    _form("usps", r"9[1-5]\d{20}|9[1-5]\d{24}|7\d{19}|03\d{18}", _gs1),
    _form("fedex", r"\d{12}", _fedex_express),
    _form("fedex", r"\d{15}", _gs1),
    _form("fedex", r"96\d{20}", _ground_96),
    _form("fedex", r"6\d{19}", _smartpost),
    _form("dhl", r"\d{10,11}", _mod_seven),
    _form("gls", r"\d{11}", _gls),
    _form("dpd", r"\d{14}[0-9A-Z]", _dpd),
)
_S10: Final = re.compile(r"[A-Z]{2}\d{9}[A-Z]{2}")


class Carriers:
    """Finds tracking numbers, and the carriers that a message names."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._names = vocabulary.phrases("carriers")

    def named(self, sender: str, passages: Iterable[Passage]) -> list[str]:
        """The carriers that the sender's domain and then the texts name, the nearest first."""
        domain = Passage(Part.HEADERS, sender.replace(".", " "))
        hits = (hit for passage in (domain, *passages) for hit in self._names.find(passage))
        return list(dict.fromkeys(hit.key for hit in hits))

    def find(
        self, passages: Iterable[Passage], labelled: Iterable[Identifier], named: list[str]
    ) -> Iterator[TrackingFact]:
        """The tracking numbers: those with a word for it, and those of a form of their own."""
        for identifier in labelled:
            number = _PLAIN.sub("", identifier.value).upper()
            if not (_SHORTEST <= len(number) <= _DIGITS_LIMIT):
                continue
            if not _LETTERS_AND_DIGITS.fullmatch(number):
                continue
            tracking, sure = _resolved(number, named)
            if sure or not _WORD.search(identifier.value):
                yield identifier.passage.fact(
                    TrackingFact,
                    tracking,
                    identifier.start,
                    identifier.end,
                    0.97 if sure else identifier.confidence - 0.2,
                )
        for passage in passages:
            for found in _OWN_FORM.finditer(passage.text):
                tracking, sure = _resolved(found[0], named)
                if sure:
                    yield passage.fact(TrackingFact, tracking, found.start(), found.end(), 0.9)


def _resolved(number: str, named: list[str]) -> tuple[Tracking, bool]:
    """The number with its carrier, and whether its form or check digit says that it is one."""
    if _S10.fullmatch(number):
        checked = _s10(number)
        carrier = _POSTS.get(number[-2:])
        return Tracking(number=number, carrier=carrier, checked=checked), checked
    fitting = [form for form in _FORMS if form.pattern.fullmatch(number)]
    checked_by = [form.carrier for form in fitting if form.check and form.check(number)]
    unchecked = [form.carrier for form in fitting if form.check is None]
    possible = checked_by + unchecked
    carrier = next((name for name in named if name in possible), None)
    if carrier is None and (number.startswith("1Z") or unchecked):
        carrier = fitting[0].carrier
    # Digits fit somebody's check digit by chance; the carrier that the mail names decides.
    carrier = carrier or (named[0] if named else next(iter(checked_by), None))
    checked = carrier in checked_by
    return Tracking(number=number, carrier=carrier, checked=checked), bool(possible)
