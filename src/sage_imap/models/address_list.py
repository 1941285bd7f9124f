"""The addresses of a header field; structure first, encoded-words afterwards.

Encoded-words are decoded in names only and after the field was taken apart, so that none can pose
as an address (RFC 2047 section 5 (3)). Beyond RFC 5322 section 3.4: semicolons between addresses,
missing angle brackets, names with dots and octets beyond ASCII; groups are dissolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from sage_imap.models.address import EmailAddress
from sage_imap.models.limits import MAX_ADDRESS_WORDS, MAX_ADDRESSES
from sage_imap.protocol.grammar.text import decode_text, decode_words_in

__all__ = ["parse_addresses"]

_ATOM: Final = r"[^\s<>@,;:\"()\[\]\\]++"
_PLAIN: Final = re.compile(
    rf'\s*+(?:(?:"([^"\\]*+)"|([^"<>@,;:()\[\]\\]*+))\s*+<({_ATOM})@({_ATOM})>|({_ATOM})@({_ATOM}))\s*+'
)
_TOKEN: Final = re.compile(
    r'"(?>(?:[^"\\]++|\\.)*)"?|\[[^\]\s,;<>]*+\]?|[<>@,;:]|\s++|[^\s<>@,;:"(\[]++|[(\[]', re.DOTALL
)
_COMMENT_TEXT: Final = re.compile(r"(?>(?:[^()\\]++|\\.)*)", re.DOTALL)
_FOLD: Final = re.compile(r"\r?\n")
_LONGEST_CACHED: Final = 256  # characters
_MOST_OPEN_COMMENTS: Final = 20  # each is searched for its end
_LONGEST_COMMENT: Final = 10_000
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_DOT: Final = re.compile(r" ?\. ?")


def parse_addresses(fields: list[bytes]) -> list[EmailAddress]:
    """The addresses of all *fields* of one name, in their order; at most `MAX_ADDRESSES`."""
    found: list[EmailAddress] = []
    for field in fields:
        text = decode_text(field)
        if "\n" in text:
            text = _FOLD.sub("", text)
        found += _fast(text) or _slow(text.removesuffix("\r"), MAX_ADDRESSES - len(found))
        if len(found) >= MAX_ADDRESSES:
            return found[:MAX_ADDRESSES]
    return found


def _fast(text: str) -> list[EmailAddress]:
    """The addresses of a field without oddities, empty where there is any."""
    found: list[EmailAddress] = []
    position = 0
    while match := _PLAIN.match(text, position):
        found.append(_from_match(match))
        position = match.end() + 1
        if position > len(text):
            return found
        if text[position - 1] != "," or len(found) == MAX_ADDRESSES:
            break
    return []


def _from_match(match: re.Match[str]) -> EmailAddress:
    quoted, bare, mailbox, host, only_mailbox, only_host = match.groups()
    if only_mailbox is not None:
        return EmailAddress("", only_mailbox, only_host)
    return EmailAddress(_name(quoted if bare is None else bare), mailbox, host)


def _name(text: str) -> str:
    if "=?" in text:
        text = _cached_words(text) if len(text) <= _LONGEST_CACHED else decode_words_in(text)
    return " ".join(text.split())


# Correspondents recur; an entry holds about 2 KiB at most.
_cached_words = lru_cache(maxsize=2048)(decode_words_in)


def _slow(text: str, room: int) -> list[EmailAddress]:
    found: list[EmailAddress] = []
    pending = _Pending()
    for word in islice(_words(text), MAX_ADDRESS_WORDS):
        if word in (",", ";") and not pending.in_angle:
            found += pending.addresses()
            pending = _Pending()
            if len(found) >= room:
                return found
        elif word == ":" and not pending.in_angle and not pending.has_at:
            pending = _Pending()  # what stood before it is the name of a group
        elif word == "<" and pending.closed and len(found) < room:
            found += pending.addresses()  # two addresses with no comma between them
            pending = _Pending(pending.after)
            pending.take(word)
        else:
            pending.take(word)
    return found + pending.addresses()


def _words(text: str) -> Iterator[str]:
    """Words, quoted strings, specials and white space; a comment keeps its parentheses."""
    position = 0
    patience = _MOST_OPEN_COMMENTS
    while position < len(text):
        if text[position] == "(" and patience:
            end = _comment_end(text, position)
            patience -= end == position + 1
            yield text[position:end]
            position = end
            continue
        match = _TOKEN.match(text, position)
        assert match is not None
        yield match[0]
        position = match.end()


def _comment_end(text: str, start: int) -> int:
    """Where the comment at *start* ends; one that never does is a parenthesis and no comment."""
    depth, position = 1, start + 1
    limit = min(len(text), start + _LONGEST_COMMENT)
    while position < limit:
        match = _COMMENT_TEXT.match(text, position)
        position = match.end() if match else position
        if position >= limit:
            break
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
        if depth == 0:
            return position
    return start + 1


class _Pending:
    """What was read of one address, or of several without a comma."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.words = list(words)
        self.angle: list[str] = []
        self.after: list[str] = []
        self.comments: list[str] = []
        self.in_angle = False
        self.closed = False
        self.has_at = False

    def take(self, word: str) -> None:
        self.has_at = self.has_at or word == "@"
        if word[0] == "(" and len(word) > 1:
            self.comments.append(word[1:-1])
        elif word == "<":
            self.in_angle = True
        elif word == ">":
            self.closed = self.closed or self.in_angle
            self.in_angle = False
        elif self.in_angle:
            self.angle.append(word)
        else:
            (self.after if self.closed else self.words).append(word)

    def addresses(self) -> list[EmailAddress]:
        comment = _name(_unescaped(" ".join(self.comments)))
        if self.angle:
            mailbox, host = _split_address(self.angle)
            name = _name("".join(map(_unquoted, self.words))) or comment
            return [EmailAddress(name, mailbox, host)] if mailbox or host else []
        complete, rest = _bare_addresses(self.words)
        if complete:
            name = _name(" ".join(rest)) or comment
            first = EmailAddress(name, *complete[0])
            return [first, *(EmailAddress("", *pair) for pair in complete[1:])]
        # One word is a mailbox of the server's own; several are a name without an address.
        alone = len(rest) == 1 and bool(rest[0]) and not any(map(str.isspace, rest[0]))
        return [EmailAddress(comment, rest[0], "")] if alone else []


def _bare_addresses(words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """The addresses among *words* that have no angle brackets, and what stands beside them."""
    chains: list[list[str]] = []
    glued = False
    for word in words:
        if word.isspace():
            # White space may stand around the at sign, and around dots behind it (section 4.4).
            last = chains[-1] if chains else []
            glued = bool(last) and (last[-1] == "@" or ("@" in last[-3:] and last[-1][-1] == "."))
            continue
        joins = word == "@" or (word[0] == "." and bool(chains) and "@" in chains[-1][-3:])
        if chains and (glued or joins):
            chains[-1].append(word)
        else:
            chains.append([word])
        glued = True
    addresses = [_split_address(chain) for chain in chains if "@" in chain]
    return addresses, ["".join(map(_unquoted, c)) for c in chains if "@" not in c]


def _split_address(tokens: list[str]) -> tuple[str, str]:
    if ":" in tokens:  # a route: <@relay,@relay:user@host>, RFC 5322 section 4.4
        tokens = tokens[len(tokens) - tokens[::-1].index(":") :]
    at = len(tokens) - 1 - tokens[::-1].index("@") if "@" in tokens else len(tokens)
    mailbox = " ".join("".join(map(_unquoted, tokens[:at])).split())
    return _DOT.sub(".", mailbox), "".join(t for t in tokens[at + 1 :] if not t.isspace())


def _unquoted(token: str) -> str:
    if token.startswith('"'):
        return _unescaped(token[1:-1] if token.endswith('"') and len(token) > 1 else token[1:])
    return token


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
