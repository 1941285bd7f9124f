"""What to search for: criteria that print as IMAP writes them and can be put together.

::

    search-key = "ALL" / "SEEN" / "BEFORE" SP date / "SUBJECT" SP astring / "NOT" SP search-key /
                 "OR" SP search-key SP search-key / "(" search-key *(SP search-key) ")" / ...

Source: RFC 9051 section 6.4.4; the section or RFC of every other key stands at its name. Nothing
here asks whether a server offers an extension: a key it does not know is answered with BAD.
Everything raises `LocalProtocolError` for what cannot be sent, CR, LF and NUL above all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import ClassVar, Final, Literal, cast

from sage_imap.errors import LocalProtocolError
from sage_imap.models.message import MessageSet
from sage_imap.protocol.arguments import atom, message_set
from sage_imap.protocol.command import Text
from sage_imap.protocol.sets import NumberSet

__all__ = ["IMAPSearchCriteria", "Messages"]

Messages = NumberSet | MessageSet | Iterable[int] | str
"""Ways to name messages: a set, numbers, or text such as ``1:5,9`` and ``7:*``."""

_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_IMAP_DATE: Final = re.compile(r'"?([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})"?')
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|[^"]+|"')
_ESCAPED: Final = re.compile(r"\\(.)")
_UNSENDABLE: Final = re.compile(r"[\0\r\n]")
_MOST: Final = (1 << 63) - 1  # RFC 9051 section 9, number64


class IMAPSearchCriteria(str):
    """One search key, as text: ``IMAPSearchCriteria.UNSEEN == "UNSEEN"``.

    Made of text that is already search keys, or by the class methods, and put together by
    `and_criteria`, `or_criteria`, `not_criteria` or ``&``, ``|``, ``~``. ``parts`` is the same
    for a command: octets, and `Text` wherever a string stands that the connection has to write
    as a quoted string or as a literal.
    """

    __slots__ = ("_anded", "_several", "parts")

    parts: tuple[bytes | Text, ...]
    _anded: tuple[IMAPSearchCriteria, ...]
    _several: bool

    ALL: ClassVar[IMAPSearchCriteria]
    ANSWERED: ClassVar[IMAPSearchCriteria]
    DELETED: ClassVar[IMAPSearchCriteria]
    DRAFT: ClassVar[IMAPSearchCriteria]
    FLAGGED: ClassVar[IMAPSearchCriteria]
    NEW: ClassVar[IMAPSearchCriteria]
    OLD: ClassVar[IMAPSearchCriteria]
    RECENT: ClassVar[IMAPSearchCriteria]
    SAVEDATESUPPORTED: ClassVar[IMAPSearchCriteria]
    SEEN: ClassVar[IMAPSearchCriteria]
    UNANSWERED: ClassVar[IMAPSearchCriteria]
    UNDELETED: ClassVar[IMAPSearchCriteria]
    UNDRAFT: ClassVar[IMAPSearchCriteria]
    UNFLAGGED: ClassVar[IMAPSearchCriteria]
    UNSEEN: ClassVar[IMAPSearchCriteria]
    SAVED_RESULT: ClassVar[IMAPSearchCriteria]

    def __new__(cls, text: str) -> IMAPSearchCriteria:
        """The criteria that *text* already is, checked for what cannot be sent."""
        if isinstance(text, IMAPSearchCriteria):
            return text
        if not isinstance(text, str):
            raise LocalProtocolError(
                f"search criteria are texts, not {type(text).__name__}; dates and the like are "
                "put in by IMAPSearchCriteria.since(date) and its kin; nothing was sent"
            )
        if _UNSENDABLE.search(text) or not text.strip():
            raise LocalProtocolError("search criteria are empty or hold CR, LF or NUL")
        criteria = cls._of(_parts_of(text.strip()))
        criteria._several = " " in criteria  # noqa: SLF001 - perhaps; one key has spaces too
        return criteria

    @classmethod
    def of(cls, criteria: str | Iterable[str]) -> IMAPSearchCriteria:
        """*criteria*, or several of them that must all fit, as one."""
        several = isinstance(criteria, Iterable) and not isinstance(criteria, str | bytes)
        return cls.and_criteria(*criteria) if several else cls(cast("str", criteria))

    @classmethod
    def _of(cls, parts: Iterable[bytes | Text]) -> IMAPSearchCriteria:
        merged = tuple(_merged(parts))
        criteria = super().__new__(cls, "".join(map(_shown, merged)))
        criteria.parts = merged
        criteria._anded = ()
        criteria._several = False
        return criteria

    @property
    def conjuncts(self) -> tuple[IMAPSearchCriteria, ...]:
        """The criteria that `and_criteria` put together; of all else these alone."""
        return self._anded or (self,)

    def __getnewargs__(self) -> tuple[str]:
        return (str(self),)

    def __and__(self, other: str) -> IMAPSearchCriteria:
        return self.and_criteria(self, other)

    def __or__(self, other: str) -> IMAPSearchCriteria:
        return self.or_criteria(self, other)

    def __invert__(self) -> IMAPSearchCriteria:
        return self.not_criteria(self)

    @classmethod
    def and_criteria(cls, *criteria: str) -> IMAPSearchCriteria:
        """Messages that fit all *criteria*."""
        keys = _keys(criteria)
        if len(keys) == 1:
            return keys[0]
        parts: list[bytes | Text] = []
        for key in keys:
            parts += [b" " if parts else b"(", *key.parts]
        anded = cls._of([*parts, b")"])
        anded._anded = tuple(part for key in keys for part in key.conjuncts)  # noqa: SLF001 - own
        return anded

    @classmethod
    def or_criteria(cls, *criteria: str) -> IMAPSearchCriteria:
        """Messages that fit any of *criteria*, of which there may be any number.

        OR takes two keys, so it is nested, and evenly, because servers limit the depth.
        """
        keys = _keys(criteria)
        while len(keys) > 1:
            pairs = [
                cls._of([b"OR ", *left.parts, b" ", *right.parts])
                for left, right in zip(keys[::2], keys[1::2], strict=False)
            ]
            keys = pairs + keys[len(pairs) * 2 :]
        return keys[0]

    @classmethod
    def not_criteria(cls, criteria: str) -> IMAPSearchCriteria:
        """Messages that do not fit *criteria*."""
        return cls._of([b"NOT ", *_keys([criteria])[0].parts])

    @classmethod
    def before(cls, day: date | str) -> IMAPSearchCriteria:
        """Received before *day*: a `date`, a `datetime`, ``05-Jan-2026`` or ``2026-01-05``."""
        return cls._dated("BEFORE", day)

    @classmethod
    def on(cls, day: date | str) -> IMAPSearchCriteria:
        """Received on *day*."""
        return cls._dated("ON", day)

    @classmethod
    def since(cls, day: date | str) -> IMAPSearchCriteria:
        """Received on *day* or later."""
        return cls._dated("SINCE", day)

    @classmethod
    def sent_before(cls, day: date | str) -> IMAPSearchCriteria:
        """Dated, by its own Date field, before *day*."""
        return cls._dated("SENTBEFORE", day)

    @classmethod
    def sent_on(cls, day: date | str) -> IMAPSearchCriteria:
        """Dated *day*."""
        return cls._dated("SENTON", day)

    @classmethod
    def sent_since(cls, day: date | str) -> IMAPSearchCriteria:
        """Dated *day* or later."""
        return cls._dated("SENTSINCE", day)

    @classmethod
    def saved_before(cls, day: date | str) -> IMAPSearchCriteria:
        """Put into the mailbox before *day* (RFC 8514)."""
        return cls._dated("SAVEDBEFORE", day)

    @classmethod
    def saved_on(cls, day: date | str) -> IMAPSearchCriteria:
        """Put into the mailbox on *day* (RFC 8514)."""
        return cls._dated("SAVEDON", day)

    @classmethod
    def saved_since(cls, day: date | str) -> IMAPSearchCriteria:
        """Put into the mailbox on *day* or later (RFC 8514)."""
        return cls._dated("SAVEDSINCE", day)

    @classmethod
    def older(cls, seconds: int) -> IMAPSearchCriteria:
        """Received *seconds* ago or earlier (RFC 5032)."""
        return cls._numbered("OLDER", seconds, 1)

    @classmethod
    def younger(cls, seconds: int) -> IMAPSearchCriteria:
        """Received within the last *seconds* (RFC 5032)."""
        return cls._numbered("YOUNGER", seconds, 1)

    @classmethod
    def larger(cls, octets: int) -> IMAPSearchCriteria:
        """Larger than *octets*."""
        return cls._numbered("LARGER", octets)

    @classmethod
    def smaller(cls, octets: int) -> IMAPSearchCriteria:
        """Smaller than *octets*."""
        return cls._numbered("SMALLER", octets)

    @classmethod
    def modseq(
        cls,
        value: int,
        flag: str | None = None,
        kind: Literal["all", "priv", "shared"] = "all",
    ) -> IMAPSearchCriteria:
        """With a mod-sequence of *value* or above (RFC 7162 section 3.1.5).

        With a *flag*, that of the flag alone counts where the server keeps one for each: of the
        user's own (``priv``), of everybody's (``shared``) or of either.
        """
        if flag is None:
            return cls._numbered("MODSEQ", value)
        if kind not in ("all", "priv", "shared"):
            raise LocalProtocolError("the kind of a flag is all, priv or shared")
        system = isinstance(flag, str) and flag.startswith("\\")
        name = "\\\\" + _atom(flag[1:], "a flag") if system else _atom(flag, "a flag")
        return cls._numbered(f'MODSEQ "/flags/{name}" {kind}', value)

    @classmethod
    def from_address(cls, text: str) -> IMAPSearchCriteria:
        """With *text* in From."""
        return cls._worded("FROM", text)

    @classmethod
    def to_address(cls, text: str) -> IMAPSearchCriteria:
        """With *text* in To."""
        return cls._worded("TO", text)

    @classmethod
    def cc_address(cls, text: str) -> IMAPSearchCriteria:
        """With *text* in Cc."""
        return cls._worded("CC", text)

    @classmethod
    def bcc_address(cls, text: str) -> IMAPSearchCriteria:
        """With *text* in Bcc."""
        return cls._worded("BCC", text)

    @classmethod
    def subject(cls, text: str) -> IMAPSearchCriteria:
        """With *text* in the subject."""
        return cls._worded("SUBJECT", text)

    @classmethod
    def body(cls, text: str) -> IMAPSearchCriteria:
        """With *text* in the body."""
        return cls._worded("BODY", text)

    @classmethod
    def text(cls, text: str) -> IMAPSearchCriteria:
        """With *text* in the header or the body."""
        return cls._worded("TEXT", text)

    @classmethod
    def header(cls, name: str, text: str = "") -> IMAPSearchCriteria:
        """With *text* in the field *name*; with an empty one: that have the field at all."""
        return cls._worded(f"HEADER {_atom(name, 'the name of a field')}", text)

    @classmethod
    def message_id(cls, value: str) -> IMAPSearchCriteria:
        """With *value* in Message-ID."""
        return cls.header("Message-ID", value)

    @classmethod
    def keyword(cls, flag: str) -> IMAPSearchCriteria:
        """With the keyword *flag*."""
        return cls._of([f"KEYWORD {_keyword(flag)}".encode("ascii")])

    @classmethod
    def unkeyword(cls, flag: str) -> IMAPSearchCriteria:
        """Without the keyword *flag*."""
        return cls._of([f"UNKEYWORD {_keyword(flag)}".encode("ascii")])

    @classmethod
    def uid(cls, uids: Messages) -> IMAPSearchCriteria:
        """With one of *uids*."""
        return cls._of([b"UID " + _set(uids)])

    @classmethod
    def sequence(cls, numbers: Messages) -> IMAPSearchCriteria:
        """With one of these sequence *numbers*, which hold only until the next EXPUNGE."""
        return cls._of([_set(numbers)])

    @classmethod
    def email_id(cls, value: str) -> IMAPSearchCriteria:
        """With the EMAILID *value* (RFC 8474)."""
        return cls._of([f"EMAILID {_atom(value, 'an EMAILID')}".encode("ascii")])

    @classmethod
    def thread_id(cls, value: str) -> IMAPSearchCriteria:
        """With the THREADID *value* (RFC 8474)."""
        return cls._of([f"THREADID {_atom(value, 'a THREADID')}".encode("ascii")])

    @classmethod
    def fuzzy(cls, criteria: str) -> IMAPSearchCriteria:
        """That fit *criteria* roughly (RFC 6203)."""
        return cls._of([b"FUZZY ", *_keys([criteria])[0].parts])

    @classmethod
    def filter(cls, name: str) -> IMAPSearchCriteria:
        """That fit the filter that is stored on the server as *name* (RFC 5466)."""
        return cls._of([f"FILTER {_atom(name, 'the name of a filter')}".encode("ascii")])

    @classmethod
    def gmail_raw(cls, query: str) -> IMAPSearchCriteria:
        """That Gmail's own search finds for *query* (X-GM-EXT-1)."""
        return cls._worded("X-GM-RAW", query)

    @classmethod
    def gmail_label(cls, label: str) -> IMAPSearchCriteria:
        """With the Gmail label *label* (X-GM-EXT-1)."""
        return cls._worded("X-GM-LABELS", label)

    @classmethod
    def gmail_message_id(cls, value: int) -> IMAPSearchCriteria:
        """With the Gmail message number *value* (X-GM-EXT-1)."""
        return cls._numbered("X-GM-MSGID", value)

    @classmethod
    def gmail_thread_id(cls, value: int) -> IMAPSearchCriteria:
        """With the Gmail thread number *value* (X-GM-EXT-1)."""
        return cls._numbered("X-GM-THRID", value)

    @classmethod
    def _dated(cls, key: str, day: date | str) -> IMAPSearchCriteria:
        return cls._of([f"{key} {_date(day)}".encode("ascii")])

    @classmethod
    def _numbered(cls, key: str, value: int, least: int = 0) -> IMAPSearchCriteria:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
            raise LocalProtocolError(f"{key} takes a whole number from {least} on")
        return cls._of([f"{key} {value}".encode("ascii")])

    @classmethod
    def _worded(cls, key: str, text: str) -> IMAPSearchCriteria:
        if not isinstance(text, str):
            raise LocalProtocolError(f"{key} takes a text, not {type(text).__name__}")
        return cls._of([f"{key} ".encode("ascii"), Text(str(text))])


def _keys(criteria: Sequence[str]) -> list[IMAPSearchCriteria]:
    """*criteria*, each as one key: text of several words is put into parentheses."""
    if not criteria:
        raise LocalProtocolError("there are no criteria to put together")
    return [_key(text) for text in criteria]


def _key(text: str) -> IMAPSearchCriteria:
    key = IMAPSearchCriteria(text)
    if not key._several:  # noqa: SLF001 - the module's own class
        return key
    return IMAPSearchCriteria._of([b"(", *key.parts, b")"])  # noqa: SLF001 - the module's own class


def _parts_of(text: str) -> Iterable[bytes | Text]:
    """*text* with its quoted strings apart; a word that is not ASCII becomes one, too."""
    for match in _STRING.finditer(text):
        if match[1] is not None:
            yield Text(_ESCAPED.sub(r"\1", match[1]))
        elif match[0] == '"':
            raise LocalProtocolError("a quotation mark in search criteria is never closed")
        else:
            for piece in re.split(r"([\s()]+)", match[0]):
                yield piece.encode("ascii") if piece.isascii() else Text(piece)


def _merged(parts: Iterable[bytes | Text]) -> Iterable[bytes | Text]:
    pending = b""
    for part in parts:
        if isinstance(part, bytes):
            pending += part
            continue
        if pending:
            yield pending
        pending = b""
        yield part
    if pending:
        yield pending


def _shown(part: bytes | Text) -> str:
    if isinstance(part, bytes):
        return part.decode("ascii")
    return '"' + part.value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _atom(value: str, what: str) -> str:
    return atom(value, what).decode("ascii")


def _keyword(flag: str) -> str:
    if isinstance(flag, str) and flag.startswith("\\"):
        raise LocalProtocolError(
            "a flag with a backslash is no keyword: for \\Seen take IMAPSearchCriteria.SEEN or "
            "UNSEEN, and so on"
        )
    return _atom(flag, "a keyword")


def _set(messages: Messages) -> bytes:
    if not isinstance(messages, NumberSet | MessageSet):
        try:
            messages = MessageSet(messages)
        except (TypeError, ValueError) as error:
            raise LocalProtocolError(f"these are no messages: {error}") from error
    return message_set(str(messages))


def _date(day: date | str) -> str:
    if isinstance(day, str):
        day = _parse_date(day)
    if not isinstance(day, date):
        raise LocalProtocolError(
            f"a day is a date, or a text like 2026-01-05, not {type(day).__name__}"
        )
    return f"{day.day:02}-{_MONTHS[day.month - 1]}-{day.year:04}"


def _parse_date(text: str) -> date:
    match = _IMAP_DATE.fullmatch(text.strip())
    try:
        if match is None:
            return datetime.fromisoformat(text.strip()).date()
        month = _MONTHS.index(match[2].capitalize()) + 1
        return date(int(match[3]), month, int(match[1]))
    except ValueError as error:
        raise LocalProtocolError(
            "a date is neither like 05-Jan-2026 nor like 2026-01-05"
        ) from error


for _name in (
    *("ALL", "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "NEW", "OLD", "RECENT", "SEEN"),
    *("SAVEDATESUPPORTED", "UNANSWERED", "UNDELETED", "UNDRAFT", "UNFLAGGED", "UNSEEN"),
):
    setattr(IMAPSearchCriteria, _name, IMAPSearchCriteria(_name))
IMAPSearchCriteria.SAVED_RESULT = IMAPSearchCriteria("$")  # RFC 5182
del _name
