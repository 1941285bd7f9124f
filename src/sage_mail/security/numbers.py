"""Where in a text as it is seen (`sage_mail.security.rendering`) there are numbers to keep quiet.

A number is never half found: each group of digits belongs to it as a whole or not at all. What
tells a number from others is in this order: how it is written, whose numbers begin so, and its
check digits. One number in ten passes Luhn's test and one in a hundred that of an IBAN, so that the
check digits alone would take out orders, parcels and columns of tables.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import stdnum.iban
import stdnum.luhn
import stdnum.numdb

from sage_mail.security.rendering import INVISIBLE

__all__ = ["Span", "cards", "ibans", "social_security_numbers"]

Span = tuple[int, int]

# What may be between two groups; a ">" is there where a quoted line begins. It takes in more than
# is meant, and `_kind` judges it.
_BETWEEN: Final = rf"[ \t\r\n.+_>{INVISIBLE}-]{{0,24}}"
_NOT_BEFORE: Final = r"(?<![^\W_])"
_NOT_AFTER: Final = r"(?![^\W_])"

_SINGLE: Final = frozenset(" .+_-")
_KINDS: Final = (
    ("-", re.compile(" ?- ?")),
    ("break", re.compile(r"[ \t]{0,3}-?(?:\r\n?|\n)[ \t>]{0,12}")),
    ("wide", re.compile(r"[ \t]{1,3}")),
)

# Digits in groups, as people write them; a letter or digit on either side makes it something else.
_DIGITS: Final = re.compile(rf"{_NOT_BEFORE}[0-9](?:{_BETWEEN}[0-9]){{12,}}{_NOT_AFTER}")
_GROUP: Final = re.compile(rf"[0-9](?:{INVISIBLE}*[0-9])*")
_LONGEST_CARD: Final = 19
_FIRST_DIGITS: Final = frozenset("23456")
# By the number of digits, what a card begins with (ISO/IEC 7812-1 and the issuers' own ranges).
# Years and instants, which begin with 20 or 1, are none of these.
_ISSUERS: Final = {
    13: re.compile("[456]"),
    14: re.compile("[356]"),
    15: re.compile("[356]"),
    16: re.compile("[3-6]|220[0-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"),
    17: re.compile("[56]"),
    18: re.compile("[56]"),
    19: re.compile("[456]"),
}
# On cards of American Express and of Diners Club; on all others there are fours.
_OTHER_LAYOUTS: Final = ([4, 6, 5], [4, 6, 4])
_AS_TYPED: Final = ({" "}, {"-"}, {"_"})
# The longest telephone number (ITU-T E.164 section 6.1), and how one begins.
_LONGEST_TELEPHONE: Final = 15
_TELEPHONE: Final = re.compile(r"(?<![0-9A-Za-z])\+")
# Each digit doubled, with the digits of the result added up.
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")


def _run(count: int) -> str:
    return f"[0-9](?:{INVISIBLE}*[0-9]){{{count - 1}}}"


_SSN: Final = re.compile(
    f"{_NOT_BEFORE}{_run(3)}({_BETWEEN}){_run(2)}({_BETWEEN}){_run(4)}{_NOT_AFTER}"
)
_ROOM_IN_SSN: Final = ({" "}, {"_"}, {"+"}, {" ", "break"})
# Areas, groups and serials that there are (Social Security Administration, RM 10201.035). Numbers
# from old advertisements, which were never given either, go all the same.
_ISSUED_SSN: Final = re.compile("(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4}")

_IBAN_START: Final = re.compile(
    rf"(?:{_NOT_BEFORE}|(?<=IBAN))[A-Za-z]{{2}}{_run(2)}(?={_BETWEEN}[A-Za-z0-9])"
)
_LENGTHS: Final = re.compile("([0-9]+)!")
_NO_PART: Final = re.compile(r"[^A-Za-z0-9]+")
# A letter counts as two digits, A as 10 (ISO 13616-1).
_AS_DIGITS: Final = {ord(letter): str(int(letter, 36)) for letter in string.ascii_uppercase}


def cards(text: str) -> Iterator[Span]:
    """Card numbers: in one group, or in groups as they are printed on cards or nearly so."""
    for match in _DIGITS.finditer(text):
        groups = _groups(text, *match.span())
        first = 0
        while first < len(groups):
            last = _last_of_card(groups, first)
            if last is None or _is_telephone(text, groups[first : last + 1]):
                first += 1
                continue
            yield groups[first].start, groups[last].end
            first = last + 1


def social_security_numbers(text: str) -> Iterator[Span]:
    """US social security numbers, in their three groups."""
    for match in _SSN.finditer(text):
        if _is_ssn(match[0], _kind(match[1]), _kind(match[2])):
            yield match.span()


def _is_ssn(text: str, *kinds: str) -> bool:
    # With hyphens it is meant to be one, whether it was ever given or not, and so it is where the
    # line ends after one of them.
    if set(kinds) in ({"-"}, {"-", "break"}):
        return text.count("-") == 2
    # With spaces it may be any three numbers in a row, and with more room it is one of a table.
    return set(kinds) in _ROOM_IN_SSN and bool(_ISSUED_SSN.fullmatch(_NO_PART.sub("", text)))


def ibans(text: str) -> Iterator[Span]:
    """International bank account numbers that the register and their check digits allow."""
    done = 0
    for match in _IBAN_START.finditer(text):
        rest = None if match.start() < done else _rest_of_iban(match[0][:2].upper())
        whole = rest and rest.match(text, match.start())
        if whole and _is_iban(_NO_PART.sub("", whole[0]).upper()):
            yield whole.span()
            done = whole.end()


@cache
def _rest_of_iban(country: str) -> re.Pattern[str] | None:
    """An account number of the country as it may be written; None where there are no such."""
    parts = _LENGTHS.findall(stdnum.numdb.get("iban").info(country)[0][1].get("bban", ""))
    length = 4 + sum(map(int, parts))
    return re.compile(f"(?:{_BETWEEN}[A-Za-z0-9]){{{length}}}{_NOT_AFTER}") if parts else None


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of digits, where it is, and the kind of what is between it and the one before."""

    digits: str
    start: int
    end: int
    kind: str


def _groups(text: str, start: int, end: int) -> list[_Group]:
    found: list[_Group] = []
    done = start
    for match in _GROUP.finditer(text, start, end):
        digits = match[0].replace(INVISIBLE, "")
        found.append(_Group(digits, *match.span(), _kind(text[done : match.start()])))
        done = match.end()
    return found


def _kind(between: str) -> str:
    """What there is between two groups, by the names of `_KINDS`; empty for what parts them."""
    if between in _SINGLE:
        return between
    seen = between.replace(INVISIBLE, "")
    if seen in _SINGLE:
        return seen
    return next((name for name, pattern in _KINDS if pattern.fullmatch(seen)), "")


def _last_of_card(groups: Sequence[_Group], first: int) -> int | None:
    """The group with which a card number that begins with the group *first* ends."""
    digits = ""
    found = None
    for last in range(first, len(groups)):
        group = groups[last]
        if last > first and not group.kind:
            break
        digits += group.digits
        if len(digits) > _LONGEST_CARD or digits[0] not in _FIRST_DIGITS:
            break
        if _is_card(digits) and _is_written_as_card(groups[first : last + 1]):
            found = last
    return found


def _is_card(digits: str) -> bool:
    issuers = _ISSUERS.get(len(digits))
    if issuers is None or not issuers.match(digits):
        return False
    return _passes_luhn(digits) and stdnum.luhn.is_valid(digits)


def _is_written_as_card(groups: Sequence[_Group]) -> bool:
    """Whether these may be the groups of a card number."""
    lengths = [len(group.digits) for group in groups]
    kinds = [group.kind for group in groups[1:]]
    if kinds.count("break") > 1:
        return False  # numbers below each other are a column
    fours = all(length == 4 for length in lengths[:-1]) and lengths[-1] <= 4
    if len(lengths) == 1 or fours or lengths in _OTHER_LAYOUTS:
        return True
    # Whoever types it may group it as they like, but then in one way, and hardly in many parts.
    if set(kinds) not in _AS_TYPED or sum(lengths) not in (15, 16):
        return False
    return len(lengths) <= 3 or len(set(lengths)) == 1


def _is_telephone(text: str, groups: Sequence[_Group]) -> bool:
    count = sum(len(group.digits) for group in groups)
    start = groups[0].start
    return count <= _LONGEST_TELEPHONE and bool(start and _TELEPHONE.match(text, start - 1))


def _passes_luhn(digits: str) -> bool:
    """Luhn's test, ten times as fast as the library's: text may be digits and nothing else."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return (sum(map(int, digits[-1::-2])) + sum(map(int, doubled))) % 10 == 0


def _is_iban(number: str) -> bool:
    return _passes_mod_97(number) and stdnum.iban.is_valid(number, check_country=False)


def _passes_mod_97(number: str) -> bool:
    """ISO 7064 mod 97-10, before the slower look into the register of countries."""
    return int((number[4:] + number[:4]).translate(_AS_DIGITS)) % 97 == 1
