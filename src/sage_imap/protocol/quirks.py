"""Habits of real servers that the grammar of RFC 9051 does not allow and that we put up with.

Each has a name ``quirk_*``, is tolerated unless it is switched off, and is counted where it is met,
so that a support report can say what a server does. A name is documented where it is handled;
`CORE_QUIRKS` lists those of framing and of the connection, `GRAMMAR_QUIRKS` those of the grammar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

__all__ = ["CORE_QUIRKS", "GRAMMAR_QUIRKS", "Quirks"]

CORE_QUIRKS: Final[dict[str, str]] = {
    "quirk_bare_lf": "a line ends in LF alone",
    "quirk_empty_line": "an empty line stands between two responses",
    "quirk_nul_padding": "NUL octets stand before a response",
    "quirk_stray_line_end": "a line end stands between a literal and the rest of its FETCH row",
    "quirk_unexpected_continuation": "a continuation comes that nothing waits for",
}

GRAMMAR_QUIRKS: Final[dict[str, str]] = {
    "quirk_bare_backslash": "a backslash in a quoted string stands before an ordinary character",
    "quirk_bare_modseq": "a MODSEQ has no parentheses",
    "quirk_bare_plus": "a continuation is a plus sign without a space",
    "quirk_bare_quote": "a quote in a quoted string has no backslash before it",
    "quirk_basic_message": "an attached message has neither envelope nor structure",
    "quirk_childless_multipart": "a multipart begins with its subtype",
    "quirk_control_in_quoted": "CR, LF or NUL stands in a quoted string",
    "quirk_duplicate_attribute": "an attribute of a mailbox is sent twice",
    "quirk_empty_address_list": "() stands for a list of addresses, where NIL is due",
    "quirk_empty_delimiter": 'the delimiter of a flat namespace is ""',
    "quirk_empty_list": "() stands in a body structure where NIL is due",
    "quirk_extra_space": "there is a space too many, or one beside a parenthesis or at the end",
    "quirk_missing_space": "there is no space where one is due",
    "quirk_missing_subtype": "a part has no subtype",
    "quirk_missing_text": "a status response has no text",
    "quirk_nil_address": "NIL stands among the addresses of a list",
    "quirk_nil_children": "NIL stands for the children of a multipart",
    "quirk_nil_lines": "the line count of a text is NIL or missing",
    "quirk_nil_media_type": "the type or subtype of a part is NIL",
    "quirk_no_date": "an INTERNALDATE or SAVEDATE is no date",
    "quirk_odd_code": "the arguments of a response code are not what they should be",
    "quirk_odd_parameters": "a parameter of a part has no value",
    "quirk_raw_8bit": "octets beyond ASCII come although UTF-8 was never enabled",
    "quirk_short_envelope": "an envelope has less than ten fields",
    "quirk_string_disposition": "a disposition is a string in place of a list",
    "quirk_unknown_size": "the size of a part is NIL or negative",
    "quirk_unquoted_name": "a mailbox name with spaces has no quotes",
}


class Quirks:
    """Which quirks are tolerated, and how often each was met.

    *off* names those that are not tolerated. `seen` counts, by name; it is never reset.
    """

    __slots__ = ("_off", "seen")

    def __init__(self, *, off: Iterable[str] = ()) -> None:
        self._off = frozenset(off)
        self.seen: Counter[str] = Counter()

    def tolerate(self, name: str) -> bool:
        """True if the quirk *name*, which was just met, is to be put up with; it is counted."""
        self.seen[name] += 1
        return name not in self._off

    def __repr__(self) -> str:
        return f"Quirks(off={sorted(self._off)!r}, seen={dict(self.seen)!r})"
