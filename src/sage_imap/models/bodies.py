"""Which parts of a message are its text, and which are attachments; every leaf is one of the two.

- A multipart/alternative gives, of each kind, the first of its texts that is not blank.
- Every other multipart gives all its texts of a kind, one below the other.
- An attached message is an attachment, whole.
- A text is an attachment where its disposition says so, where it is a resource of a
  multipart/related, and where it has a file name and is not the first text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sage_imap.models.mime import Part
from sage_imap.models.text import decode_body

__all__ = ["Bodies", "choose_bodies", "text_of"]


@dataclass(slots=True)
class Bodies:
    """The parts that are a message's text, by kind."""

    plain: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.plain or self.html)

    def add(self, other: Bodies) -> None:
        """Append the parts of *other*."""
        self.plain += other.plain
        self.html += other.html


def choose_bodies(root: Part) -> Bodies:
    """The parts of the tree *root* that are its text; all its other leaves are attachments."""
    if not root.children:
        return _single(root)
    return _usual(root) or _choose(root, Bodies())


def _usual(root: Part) -> Bodies | None:
    """The texts of the tree that nearly every message has: one plain, one HTML, for choice."""
    if root.content_type != "multipart/alternative" or len(root.children) != 2:
        return None
    plain, html = root.children
    if plain.content_type != "text/plain" or html.content_type != "text/html":
        return None
    if plain.field(b"content-disposition") or html.field(b"content-disposition"):
        return None
    return Bodies([plain], [html])


def text_of(parts: list[Part]) -> str:
    """The texts of *parts*, each beginning on a line of its own."""
    if len(parts) == 1:
        return _decoded(parts[0])
    text = ""
    for part in parts:
        if text and not text.endswith("\n"):
            text += "\n"
        text += _decoded(part)
    return text


def _decoded(part: Part) -> str:
    return decode_body(part.content(), part.parameters.get("charset", ""), part.warnings)


def _single(root: Part) -> Bodies:
    if root.disposition[0] == "attachment" or root.maintype != "text":
        return Bodies()
    if root.content_type == "text/html":
        return Bodies(html=[root])
    # A calendar or a table is no text to be read; enriched text and its like are.
    if root.content_type in ("text/calendar", "text/csv", "text/vcard", "text/x-vcard"):
        return Bodies()
    return Bodies(plain=[root])


def _choose(part: Part, before: Bodies) -> Bodies:
    """The texts of *part*, where *before* came earlier in the message."""
    if not part.children:
        return _leaf(part)
    found = Bodies()
    children = []
    for index, child in enumerate(part.children):
        so_far = before if before else found
        if _is_resource(part, child, index) or _is_named_extra(part, child, so_far):
            continue
        chosen = _choose(child, so_far)
        children.append(chosen)
        found.add(chosen)
    if part.content_type != "multipart/alternative":
        return found
    return Bodies(
        plain=_first_not_blank([chosen.plain for chosen in children]),
        html=_first_not_blank([chosen.html for chosen in children]),
    )


def _leaf(part: Part) -> Bodies:
    if part.disposition[0] == "attachment":
        return Bodies()
    if part.content_type == "text/plain":
        return Bodies(plain=[part])
    if part.content_type == "text/html":
        return Bodies(html=[part])
    return Bodies()


def _is_resource(parent: Part, part: Part, index: int) -> bool:
    """Whether the root of a multipart/related only refers to *part* (RFC 2387 section 3)."""
    return (
        parent.content_type == "multipart/related"
        and index > 0
        and not part.children
        and bool(part.field(b"content-id") or part.field(b"content-location"))
        and part.field(b"content-id").strip().decode("latin-1") != parent.parameters.get("start")
    )


def _is_named_extra(parent: Part, part: Part, before: Bodies) -> bool:
    if part.children or parent.content_type == "multipart/alternative":
        return False
    return bool(before) and bool(part.filename)


def _first_not_blank(choices: list[list[Part]]) -> list[Part]:
    given = [parts for parts in choices if parts]
    if len(given) > 1:
        for parts in given:
            if not text_of(parts).isspace() and text_of(parts):
                return parts
    return given[0] if given else []
