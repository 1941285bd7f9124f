"""What an HTML body shows and holds: its visible text, its links, its tables, its structured data.

The markup is parsed once, by lexbor. Its time grows with the square of the depth, so the number of
tags and of open ones is bounded before (26,000 open ``div`` took 1.7 s, 2,000 take 12 ms).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

__all__ = ["Anchor", "Document"]

# As much as the pipeline reads of markup elsewhere; newsletters of 100 KB exist.
_MARKUP_LIMIT: Final = 131_072
_MOST_TAGS: Final = 5_000
_DEEPEST: Final = 2_000
_TAG: Final = re.compile(r"(/?)([A-Za-z][A-Za-z0-9]{0,30})")
# https://html.spec.whatwg.org/#void-elements, those that mail has by the hundred.
_VOID: Final = frozenset({"br", "img", "hr", "input", "meta", "link", "col", "area", "wbr"})
_MOST_LINKS: Final = 500
_MOST_ROWS: Final = 300
_MOST_CELLS: Final = 12
_MOST_PROPERTIES: Final = 300
_CELL_LIMIT: Final = 300
_JSON_LIMIT: Final = 65_536
_MOST_SCRIPTS: Final = 12
# How pages hide JSON from readers of XML and from those who know no scripts.
_WRAPPING: Final = re.compile(r"[\s/*]{0,40}<!(?:\[CDATA\[|--)[\s/*]{0,40}|\s{1,400}")
# A property belongs to the nearest scope above it; in mail that is a few levels up.
_DEEPEST_SCOPE: Final = 40

_UNSEEN: Final = "style,script,noscript,template,title"
_BLOCKS: Final = "p,div,tr,li,h1,h2,h3,h4,h5,h6,table,blockquote,ul,ol,dl,dt,dd,hr,section,header"
_SPACES: Final = re.compile(r"[\s\u200b-\u200d\u034f\ufeff\u00ad]+")
_WIDTHLESS: Final = str.maketrans("", "", "\u200b\u200c\u200d\u034f\ufeff\u00ad")
# Marks that survive the folding of white space; they are for private use, so no mail holds them.
_BREAK: Final = "\ue000"
_CELL: Final = "\ue001"
_SPACES_AND_MARKS: Final = re.compile(f"[\\s\u200b-\u200d\u034f\ufeff\u00ad{_BREAK}{_CELL}]+")
_BREAKS: Final = re.compile(f"[ {_CELL}]{{0,40}}{_BREAK}[ {_BREAK}{_CELL}]*")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link of the document: where it leads and what it shows."""

    href: str
    shown: str


class Document:
    """An HTML body, read from its markup; anything is a document, if need be an empty one."""

    def __init__(self, markup: str) -> None:
        self._markup = _bounded(markup)
        self._tree = LexborHTMLParser(self._markup)
        # Only their text is taken here: they go with what nobody sees, and need not be right.
        self._scripts = [
            node.text() for node in self._tree.css('script[type*="ld+json" i]')[:_MOST_SCRIPTS]
        ]
        for node in self._tree.css(_UNSEEN):
            node.decompose()

    @cached_property
    def glance(self) -> str:
        """The visible text without its layout: much cheaper, and enough to compare it by."""
        body = self._tree.body
        return body.text(separator=" ") if body is not None else ""

    @cached_property
    def text(self) -> str:
        """The visible text: a line for each block, cells of a row apart by two spaces."""
        if self._tree.body is None:
            return ""
        for node in self._tree.css(_BLOCKS):
            node.insert_before(_BREAK)
            node.insert_after(_BREAK)
        for node in self._tree.css("br"):
            node.insert_before(_BREAK)
        for node in self._tree.css("td,th"):
            node.insert_before(_CELL)
        text = _SPACES.sub(" ", self._tree.body.text())
        text = _BREAKS.sub("\n", text)
        return text.replace(_CELL, "  ").strip()

    @cached_property
    def links(self) -> list[Anchor]:
        """The links with an address, in their order."""
        return [
            Anchor((node.attributes.get("href") or "").strip(), _text(node))
            for node in self._tree.css("a[href],area[href]")[:_MOST_LINKS]
        ]

    @cached_property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells of each row of a table that holds no further table."""
        found = []
        for row in self._tree.css("tr")[:_MOST_ROWS]:
            cells = [cell for cell in row.iter() if cell.tag in {"td", "th"}][:_MOST_CELLS]
            if len(cells) > 1 and row.css_first("table") is None:
                found.append(tuple(_text(cell)[:_CELL_LIMIT] for cell in cells))
        return found

    @cached_property
    def structured(self) -> list[dict[str, Any]]:
        """The schema.org objects of the mail, from JSON-LD and from microdata, by one shape."""
        linked = [node for script in self._scripts for node in _linked_data(script)]
        return [*linked, *(self._microdata() if "itemscope" in self._markup else ())]

    def _microdata(self) -> Iterator[dict[str, Any]]:
        scopes: dict[int, dict[str, Any]] = {}
        for node in self._tree.css("[itemscope]")[:_MOST_PROPERTIES]:
            type_ = (node.attributes.get("itemtype") or "").rstrip("/")
            scopes[node.mem_id] = {"@type": type_.rpartition("/")[2]}
            if "itemprop" not in node.attributes:
                yield scopes[node.mem_id]
        for node in self._tree.css("[itemprop]")[:_MOST_PROPERTIES]:
            owner = _scope_above(node, scopes)
            if owner is not None:
                name = (node.attributes.get("itemprop") or "").strip()
                value = scopes.get(node.mem_id) or _property(node)
                _add(owner, name, value)


def _bounded(markup: str) -> str:
    """As much of the markup as is looked at: up to a length, a number of tags and a depth."""
    markup = markup[:_MARKUP_LIMIT]
    tags = markup.count("<")
    if tags <= _MOST_TAGS and tags - markup.count("</") <= _DEEPEST:
        return markup
    pieces = markup.split("<", _MOST_TAGS)[:_MOST_TAGS]
    return "<".join(pieces[: _too_deep(pieces)])


def _too_deep(pieces: list[str]) -> int | None:
    """Which of the pieces that begin with a tag is too deep, None if none is."""
    opened: Counter[str] = Counter()
    depth = 0
    for place, piece in enumerate(pieces):
        tag = _TAG.match(piece)
        if tag is None or (name := tag[2].lower()) in _VOID:
            continue
        # What closes nothing leaves everything open: <div></p><div></p>
        step = 1 if not tag[1] else -1 if opened[name] else 0
        opened[name] += step
        depth += step
        if depth > _DEEPEST:
            return place
    return None


def _linked_data(script: str) -> Iterator[dict[str, Any]]:
    """The objects that a script of JSON-LD holds; none where it is no JSON."""
    wrapping = _WRAPPING.match(script)
    start = wrapping.end() if wrapping else 0
    try:
        data, _ = _JSON.raw_decode(script[start : start + _JSON_LIMIT])
    except (ValueError, RecursionError):
        return
    for root in data if isinstance(data, list) else [data]:
        if isinstance(root, dict):
            graph = root.get("@graph")
            nodes = graph if isinstance(graph, list) else [root]
            yield from (node for node in nodes if isinstance(node, dict))


def _fraction(text: str) -> Decimal | None:
    """The number exactly as it stands there, None where its exponent is beyond all reckoning."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


_JSON: Final = json.JSONDecoder(parse_float=_fraction, parse_constant=lambda _name: None)


def _text(node: LexborNode) -> str:
    text = node.text()
    # A zero-width space within an address parts nothing that anybody sees.
    if not text.isascii():
        text = text.translate(_WIDTHLESS)
    return _SPACES_AND_MARKS.sub(" ", text).strip()


def _scope_above(node: LexborNode, scopes: dict[int, dict[str, Any]]) -> dict[str, Any] | None:
    parent = node.parent
    for _ in range(_DEEPEST_SCOPE):
        if parent is None:
            return None
        if parent.mem_id in scopes:
            return scopes[parent.mem_id]
        parent = parent.parent
    return None


def _property(node: LexborNode) -> str:
    attributes = node.attributes
    for name in ("content", "href", "src", "datetime"):
        value = attributes.get(name)
        if value:
            return value.strip()[:_CELL_LIMIT]
    return _text(node)[:_CELL_LIMIT]


def _add(owner: dict[str, Any], name: str, value: object) -> None:
    """Sets a property; one that comes again becomes a list, as in JSON-LD."""
    if name not in owner:
        owner[name] = value
    elif isinstance(owner[name], list):
        owner[name].append(value)
    else:
        owner[name] = [owner[name], value]
