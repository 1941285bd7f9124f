"""The words of a message that its writer wrote, in bounded time.

What is quoted, forwarded or signed says nothing about what the writer wants, so it is left out.
Only the first part of a body is looked at, and every pattern here either consumes a line once or
is bounded, so that a hostile body costs no more than a long one.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = [
    "Wording",
    "body_text",
    "html_text",
    "masked_text",
    "own_text",
    "subject_text",
    "wording",
]

# An ordinary mail has 2 KB of text; 5 KB hold the beginning of any, where its purpose stands.
_TEXT_LIMIT: Final = 5_120
# Twice the longest line of RFC 5322 section 2.1.1; what is longer was not meant to be read.
_SUBJECT_LIMIT: Final = 2_000
# Newsletters open with up to 60 KB of style sheets before their first word.
_HTML_LIMIT: Final = 131_072
# A shorter plain part is often only the advice to use a reader that shows HTML.
_SHORT_PLAIN: Final = 200

# Stands for characters that the writer did not write; no mail that is text holds it.
_MASK: Final = "\0"

_WORD: Final = re.compile(r"\w+")
_URL: Final = re.compile(r"https?://\S+")
_TAG: Final = re.compile(r"<[^<>]*>")
_SPACES: Final = re.compile(r"[ \t\xa0\u200b-\u200d\u034f\ufeff]+")
_LINE_BREAKING_TAG: Final = re.compile(
    r"<(?:br|/?p|/?div|/?tr|/?li|/?h[1-6]|/?table|/?blockquote)\b[^<>]*>", re.IGNORECASE
)
_INVISIBLE: Final = tuple(
    (
        re.compile(rf"<{element}\b", re.IGNORECASE),
        re.compile(rf"</{element}\b[^<>]*>?", re.IGNORECASE),
    )
    for element in ("style", "script", "head", "title")
)

_QUOTED_LINE: Final = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_SIGNATURE: Final = re.compile(r"^-- $", re.MULTILINE)
_DIVIDER: Final = re.compile(
    r"^[ \t]{0,8}(?:"
    r"-{2,40}[ \t]*(?:original message|forwarded (?:message|by)|begin forwarded message"
    r"|ursprüngliche nachricht|weitergeleitete nachricht|message d'origine|message transféré"
    r"|mensaje original|mensaje reenviado|messaggio originale|messaggio inoltrato)"
    r"|begin forwarded message:"
    r"|(?:from|von|de|da|van) ?:[^\n]{1,200}\n"
    r"[ \t]{0,8}(?:sent|date|gesendet|datum|envoyé|enviado|fecha|inviato|data) ?:"
    r")",
    re.MULTILINE | re.IGNORECASE,
)
_ATTRIBUTION_START: Final = re.compile(r"(?:on|am|le|el|il|op|em) ", re.IGNORECASE)
_ATTRIBUTION_END: Final = re.compile(
    r"(?:wrote|writes|schrieb[^\n:]{0,80}|a écrit|escribió|ha scritto|schreef|escreveu)[ \xa0]?:"
    r"[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
# "Ruth wrote:" is an attribution, a long sentence that ends so is none.
_LONGEST_NAME: Final = 80
# The patterns above are tried only where one of these stands, which is far cheaper to find out.
_DIVIDER_MARKS: Final = (
    "original message",
    "forwarded",
    "nachricht",
    "message d'origine",
    "message transféré",
    "mensaje",
    "messaggio",
    "\nsent",
    "\ndate",
    "gesendet",
    "datum",
    "envoyé",
    "enviado",
    "fecha",
    "inviato",
    "\ndata",
)
_ATTRIBUTION_MARKS: Final = (
    "wrote",
    "writes",
    "schrieb",
    "a écrit",
    "escribió",
    "ha scritto",
    "schreef",
    "escreveu",
)


@dataclass(frozen=True, slots=True)
class Wording:
    """A text as words: ``unique`` ones, and ``joined`` by single spaces with one at each end."""

    count: int
    unique: frozenset[str]
    joined: str


def wording(text: str) -> Wording:
    """The lower-case words of the text, in order and as a set.

    Links are not words; "%" and "#" are, as "percent" and "number".
    """
    words = _WORD.findall(_spoken(_URL.sub(" ", text)).lower())
    return Wording(len(words), frozenset(words), f" {' '.join(words)} ")


def _spoken(text: str) -> str:
    return text.replace("%", " percent ").replace("#", " number ")


def subject_text(message: EmailMessage) -> str:
    """The subject, at most 2,000 characters of it, without the space around it."""
    return message.subject[:_SUBJECT_LIMIT].strip()


def body_text(message: EmailMessage) -> str:
    """What the writer of the message wrote, at most 5 KB of it, from the plain or the HTML body."""
    text = own_text(message.plain_body[:_TEXT_LIMIT])
    if len(text) >= _SHORT_PLAIN or not message.html_body:
        return text
    markup = html_text(message.html_body)
    return own_text(f"{text}\n{markup}"[:_TEXT_LIMIT]) if markup else text


def own_text(text: str) -> str:
    """The text without quoted lines, forwarded messages and signature."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return _masked(text).replace(_MASK, "").strip()


def masked_text(text: str) -> str:
    """The text with spaces in place of what `own_text` leaves out, each character at its place."""
    return _masked(text).replace(_MASK, " ")


def _masked(text: str) -> str:
    lowered = text.lower()
    if any(mark in lowered for mark in _DIVIDER_MARKS) and (divider := _DIVIDER.search(text)):
        text = _hidden(text, divider.start(), len(text))
    if any(mark in lowered for mark in _ATTRIBUTION_MARKS):
        text = _without_attributed(text)
    if ">" in text:
        text = _QUOTED_LINE.sub(lambda line: _MASK * len(line[0]), text)
    if "-- " in text and (signature := _SIGNATURE.search(text)):
        text = _hidden(text, signature.start(), len(text))
    return text


def _hidden(text: str, start: int, end: int) -> str:
    return f"{text[:start]}{_MASK * (end - start)}{text[end:]}"


def _without_attributed(text: str) -> str:
    """The text up to "On ... wrote:"; if quoted lines follow, what stands below them stays too."""
    for found in _ATTRIBUTION_END.finditer(text):
        start = _attribution_start(text, found.start())
        if start is None:
            continue
        quoted = text[found.end() :].lstrip().startswith((">", "|"))
        return _hidden(text, start, found.end() if quoted else len(text))
    return text


def _attribution_start(text: str, verb: int) -> int | None:
    """Where the attribution begins whose verb stands there: on its line or the one before."""
    line = text.rfind("\n", 0, verb) + 1
    before = text.rfind("\n", 0, max(line - 1, 0)) + 1
    if _ATTRIBUTION_START.match(text, line):
        return line
    if _ATTRIBUTION_START.match(text, before):
        return before
    return line if 0 < verb - line <= _LONGEST_NAME else None


def html_text(markup: str) -> str:
    """The visible text of the first 128 KB of markup, a line for each block."""
    markup = markup[:_HTML_LIMIT]
    for opening, closing in _INVISIBLE:
        markup = _without_element(markup, opening, closing)
    markup = _without_comments(markup)
    markup = _LINE_BREAKING_TAG.sub("\n", markup)
    text = _SPACES.sub(" ", html.unescape(_TAG.sub(" ", markup)))
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _without_element(markup: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    kept, position = [], 0
    while opened := opening.search(markup, position):
        closed = closing.search(markup, opened.end())
        if closed is None:
            # An unclosed <head> must not hide the mail; only its tag is dropped, later.
            break
        kept.append(markup[position : opened.start()])
        position = closed.end()
    kept.append(markup[position:])
    return "".join(kept)


def _without_comments(markup: str) -> str:
    kept, position = [], 0
    while (start := markup.find("<!--", position)) >= 0:
        kept.append(markup[position:start])
        end = markup.find("-->", start)
        if end < 0:
            return "".join(kept)
        position = end + 3
    kept.append(markup[position:])
    return "".join(kept)
