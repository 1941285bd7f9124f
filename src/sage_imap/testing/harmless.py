"""Which words of a response are harmless where they stand.

Each rule says of one token whether it may be kept; whatever no rule allows is masked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sage_imap.protocol.framing import Frame
from sage_imap.testing import known

__all__ = [
    "FetchRow",
    "Keeps",
    "Token",
    "is_attribute",
    "is_charset",
    "is_counter",
    "is_flag",
    "is_list_extension",
    "is_nil",
    "is_of_id",
    "is_result",
    "is_set",
    "nothing",
    "tokens",
]

_TOKEN: Final = re.compile(
    rb"(?P<marker>~?\{[0-9]+\+?\}(?=\r?\n))"
    rb'|"(?P<quoted>(?:[^"\\\r\n]|\\[^\r\n])*)"'
    rb'|(?P<sign>[()\[\]"{}])'
    rb'|(?P<atom>[^\s()\[\]"{}]+)'
)
_SET: Final = re.compile(rb"[0-9]+(?:[:,][0-9*]+)*|\*")
_NUMBER: Final = re.compile(rb"-?[0-9]+")
_DAY: Final = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH: Final = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK: Final = rb"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_ZONE_NAME: Final = (
    rb"(?:UTC?|GMT|WES?T|CES?T|EES?T|MS[KD]|BST|IST|[ECMP][SD]T|AK[SD]T|HST|JST|KST|AE[SD]T"
    rb"|NZ[SD]T)"
)
_ZONE: Final = rb"(?:[+-][0-9]{4}|%b)(?: +\(%b\))?" % (_ZONE_NAME, _ZONE_NAME)
_DATE: Final = re.compile(
    rb"(?:%b, +)?[0-9]{1,2} +%b +[0-9]{4} +%b +%b" % (_DAY, _MONTH, _CLOCK, _ZONE)
)
_INTERNAL_DATE: Final = re.compile(rb"[ 0-9][0-9]-%b-[0-9]{4} %b [+-][0-9]{4}" % (_MONTH, _CLOCK))
# Items of FETCH behind which a number is what the protocol has there.
_NUMBERED: Final = frozenset({b"UID", b"RFC822.SIZE", b"MODSEQ", b"BINARY.SIZE"})


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a string or a sign of a response; a string without its quotes."""

    kind: str
    octets: bytes
    start: int

    @property
    def upper(self) -> bytes:
        """It in upper case, as names are compared."""
        return self.octets.upper()


Keeps = Callable[[Token], bool]
"""Whether a token may be kept."""


class FetchRow:
    """Where in the items of a FETCH a token stands."""

    def __init__(self, *, odd: bool) -> None:
        self._odd = odd
        self._item = b""
        self._within = b""
        self._depth = 0

    def walk(self, token: Token) -> None:
        """Take note of a token before it is judged."""
        if token.octets == b"(" and token.kind == "sign":
            self._depth += 1
            if self._depth == 2:
                self._within = self._item
        elif token.octets == b")" and token.kind == "sign":
            self._depth = max(1, self._depth - 1)
        if self._depth < 2:
            self._within = b""

    def keeps(self, token: Token) -> bool:
        """Whether *token* is harmless where it stands."""
        if self._within:
            if self._odd and _is_number(token):
                return False  # it may be a part of a string whose quotes are odd
            return is_nil(token) or _WITHIN.get(self._within, nothing)(token)
        behind, self._item = self._item, token.upper
        if token.kind == "atom":
            number = behind in _NUMBERED and _is_number(token)
            return number or token.upper in known.FETCH_ITEMS or is_nil(token)
        return behind == b"INTERNALDATE" and _INTERNAL_DATE.fullmatch(token.octets) is not None


def nothing(token: Token) -> bool:
    """Nothing is harmless."""
    return False


def _one_of(words: frozenset[bytes]) -> Keeps:
    return lambda token: token.kind == "atom" and token.octets.lower() in words


def is_nil(token: Token) -> bool:
    """NIL."""
    return token.kind == "atom" and token.upper == b"NIL"


is_attribute: Final = _one_of(known.ATTRIBUTES)
"""An attribute of a mailbox."""

is_flag: Final = _one_of(known.KEYWORDS)
"""A flag, or a keyword that many programs set."""


def is_charset(token: Token) -> bool:
    """The name of a charset."""
    return known.CHARSET.fullmatch(token.octets) is not None


def is_set(token: Token) -> bool:
    """A number, or a set of them."""
    return token.kind == "atom" and _SET.fullmatch(token.octets) is not None


def is_result(token: Token) -> bool:
    """A number or set, or what says which of them it is."""
    return is_set(token) or (token.kind == "atom" and token.upper in known.RESULT_WORDS)


def is_counter(token: Token) -> bool:
    """An item of STATUS, its number, or NIL for one."""
    return is_nil(token) or _is_number(token) or _is_item(token)


_is_item: Final = _one_of(frozenset(item.lower() for item in known.STATUS_ITEMS))


def is_list_extension(token: Token) -> bool:
    """What stands behind the name in LIST (RFC 5258, RFC 5465), but for names."""
    return token.upper in (b"CHILDINFO", b"SUBSCRIBED", b"OLDNAME")


def is_of_id(token: Token) -> bool:
    """The name of a field of ID, or a word that servers say to everybody."""
    word = token.octets.lower()
    return word in known.ID_FIELDS or word in known.TEXT_WORDS or is_nil(token)


def _is_date(token: Token) -> bool:
    return token.kind == "quoted" and _DATE.fullmatch(token.octets) is not None


def _is_of_mime(token: Token) -> bool:
    return _is_number(token) or token.octets.lower() in known.MIME_WORDS or is_charset(token)


def _is_number(token: Token) -> bool:
    return token.kind == "atom" and _NUMBER.fullmatch(token.octets) is not None


_WITHIN: Final[dict[bytes, Keeps]] = {
    b"BODY": _is_of_mime,
    b"BODYSTRUCTURE": _is_of_mime,
    b"ENVELOPE": _is_date,
    b"FLAGS": is_flag,
    b"MODSEQ": _is_number,
}


def tokens(frame: Frame, start: int) -> Iterator[Token]:
    """The words, strings and signs of *frame* from *start* on, which is before its literals."""
    data = frame.data
    for begin, end in (*frame.literals, (len(data), len(data))):
        for found in _TOKEN.finditer(data, start, begin):
            kind = found.lastgroup or ""
            yield Token(kind, found[kind], found.start(kind))
        if begin < end:
            yield Token("literal", data[begin:end], begin)
        start = end
