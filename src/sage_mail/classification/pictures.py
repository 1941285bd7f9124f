"""Two pictures of an evaluation as SVG: the confusion matrix and the reliability curve."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import ceil, sqrt
from typing import Final

from sage_mail.classification.evaluation import ABSTAINED, Evaluation

__all__ = ["confusion_picture", "reliability_picture"]

_CELL: Final = 64
_MARGIN: Final = 130
_SIDE: Final = 320
_FONT: Final = 14
_INK: Final = "#1f2933"
_BLUE: Final = (31, 97, 141)
# On a cell darker than this the number is white.
_DARK: Final = 0.55


def confusion_picture(of: Evaluation) -> str:
    """What was said (columns) of messages of each label (rows), shaded by the share of the row."""
    said = [*of.labels, ABSTAINED]
    # The last of the turned names goes on beyond its column.
    width = _MARGIN + _CELL * len(said) - _CELL // 2 + _turned_width(said[-1])
    height = _MARGIN + _CELL * len(of.labels) + 10
    parts = [
        _text(_MARGIN + _CELL * (at + 0.5), _MARGIN - 10, name, anchor="start", turn=-45)
        for at, name in enumerate(said)
    ]
    for row, truth in enumerate(of.labels):
        parts.append(_text(_MARGIN - 10, _MARGIN + _CELL * (row + 0.5) + 4, truth, anchor="end"))
        total = sum(of.confusion[truth, name] for name in said) or 1
        for column, name in enumerate(said):
            count = of.confusion[truth, name]
            x, y = _MARGIN + _CELL * column, _MARGIN + _CELL * row
            parts.extend(_cell(x, y, count, count / total))
    return _document(width, height, "Confusion matrix: truth by rows, said by columns", parts)


def reliability_picture(of: Evaluation) -> str:
    """How often the likeliest label was right, by confidence; the diagonal would be perfect."""
    size = _SIDE + 90
    parts = [
        f'<rect x="60" y="20" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="{_INK}"/>',
        f'<path d="M60 {20 + _SIDE} L{60 + _SIDE} 20" stroke="#9aa5b1" stroke-dasharray="4 4"/>',
        _text(60 + _SIDE / 2, _SIDE + 65, "confidence"),
        _text(16, 20 + _SIDE / 2, "share that was right", turn=-90),
    ]
    for tenth in range(0, 11, 2):
        at = _SIDE * tenth / 10
        parts.append(_text(60 + at, _SIDE + 40, f"{tenth / 10:.1f}"))
        parts.append(_text(52, 24 + _SIDE - at, f"{tenth / 10:.1f}", anchor="end"))
    points = [
        (60 + _SIDE * one.confidence, 20 + _SIDE * (1 - one.right), one.messages) for one in of.bins
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    blue = f"rgb{_BLUE}"
    parts.append(f'<polyline points="{line}" fill="none" stroke="{blue}" stroke-width="2"/>')
    most = max((count for *_, count in points), default=1)
    for x, y, count in points:
        radius = 3 + 7 * (count / most) ** 0.5
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{blue}" '
            f'fill-opacity="0.6"><title>{count} messages</title></circle>'
        )
    return _document(size, size, "Reliability: share that was right, by confidence", parts)


def _cell(x: float, y: float, count: int, share: float) -> Iterator[str]:
    red, green, blue = (round(255 - (255 - part) * share) for part in _BLUE)
    yield (
        f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" '
        f'fill="rgb({red},{green},{blue})" stroke="#cbd2d9"/>'
    )
    ink = "#ffffff" if share > _DARK else _INK
    yield _text(x + _CELL / 2, y + _CELL / 2 + 5, str(count), ink=ink)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "middle",
    ink: str = _INK,
    turn: int = 0,
) -> str:
    """A text at the point, *turn* degrees clockwise around it."""
    turned = f' transform="rotate({turn} {x} {y})"' if turn else ""
    place = f'x="{x}" y="{y}" text-anchor="{anchor}"{turned}'
    return f'<text {place} fill="{ink}">{escape(text)}</text>'


def _turned_width(text: str) -> int:
    """How far a text goes to the right that goes as far up, a character taking 0.6 of its size."""
    return ceil(0.6 * _FONT * len(text) * sqrt(0.5) + _FONT)


def _document(width: int, height: int, title: str, parts: list[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="{_FONT}">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )
