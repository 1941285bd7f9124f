"""Status responses: greeting, completions, warnings and farewells (RFC 9051 section 7.1).

::

    resp-text = ["[" resp-text-code "]" SP] [text]

``quirk_missing_text``
    neither a space nor a text behind the status or behind its code.
``quirk_odd_code``
    the arguments of a code that we know are not what they should be: they are kept as text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sage_imap.protocol.events import (
    AlertReceived,
    ByeReceived,
    CapabilitiesReceived,
    CommandCompleted,
    Event,
    GreetingReceived,
    Handle,
    ResponseCode,
    Status,
    UntaggedStatus,
)
from sage_imap.protocol.grammar.codes import decode_code
from sage_imap.protocol.grammar.text import decode_text

if TYPE_CHECKING:
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = ["completion_events", "untagged_status_events"]

# A code ends at the first bracket that stands neither in a quoted string nor in parentheses, or
# else at the first one.
_STRING: Final = rb'"(?>(?:[^"\\]++|\\.)*)"'
_ARGUMENTS: Final = (
    rb'(?>(?:[^\]"()]++|' + _STRING + rb'|\((?>(?:[^()"]++|' + _STRING + rb"|\([^()]*+\))*)\))*)"
)
_CODE: Final = re.compile(rb"\[([^\s\]\[]++)(?: (" + _ARGUMENTS + rb"))?\](.*+)", re.DOTALL)
_LOOSE_CODE: Final = re.compile(rb"\[([^\s\]\[]++)(?: ([^\]]*+))?\](.*+)", re.DOTALL)


def completion_events(
    handle: Handle, status: Status, rest: bytes, context: DecodeContext
) -> list[Event]:
    """The events of a tagged response; the completion is the last of them.

    So whoever stops reading there has seen the alerts and capabilities that came with it.
    """
    code, text = _split_text(rest, context)
    return [*_code_events(code, text), CommandCompleted(handle, status, code, text)]


def untagged_status_events(status: Status, rest: bytes, context: DecodeContext) -> list[Event]:
    """The events of an untagged status response, or of the greeting."""
    code, text = _split_text(rest, context)
    first: Event
    if context.greeting and status in (Status.OK, Status.PREAUTH, Status.BYE):
        first = GreetingReceived(status, code, text)
    elif status is Status.BYE:
        first = ByeReceived(code, text)
    else:
        first = UntaggedStatus(status, code, text)
    return [first, *_code_events(code, text)]


def _split_text(rest: bytes, context: DecodeContext) -> tuple[ResponseCode | None, str]:
    rest = rest.strip(b" ")
    match = None
    if rest[:1] == b"[":
        match = _CODE.match(rest) or _LOOSE_CODE.match(rest)
    if match is None:
        if not rest:
            context.quirks.tolerate("quirk_missing_text")
        return None, decode_text(rest)
    name, arguments, text = match.groups()
    if not text:
        context.quirks.tolerate("quirk_missing_text")
    return decode_code(name, arguments, context), decode_text(text.strip(b" "))


def _code_events(code: ResponseCode | None, text: str) -> list[Event]:
    if code is None:
        return []
    if code.name == "ALERT":
        return [AlertReceived(text)]
    if code.name == "CAPABILITY":
        return [CapabilitiesReceived(tuple(str(name) for name in code.args))]
    return []
