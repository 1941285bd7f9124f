"""Text from anywhere, made fit for a terminal, and tables of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import typer

__all__ = ["json_line", "local", "print_rows", "printable"]

_MOST = 100
_MOST_IN_TABLES = 2000


def printable(text: str, most: int = _MOST) -> str:
    """The text without what could move a terminal's cursor or turn its direction, cut to *most*."""
    return "".join(ch if ch.isprintable() else "\N{REPLACEMENT CHARACTER}" for ch in text)[:most]


def json_line(facts: Mapping[str, object]) -> str:
    """The facts as one line of JSON; instants are ISO 8601."""
    import json

    return json.dumps(facts, ensure_ascii=False, default=datetime.isoformat)


def local(instant: datetime) -> str:
    """The instant by the clock on the wall, to the second."""
    return instant.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def print_rows(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Print the rows, which have the same keys: in columns under these, or as JSON, a row a line.

    No value is cut or spread over lines, however narrow the terminal is; there may be none.
    """
    if as_json:
        for row in rows:
            typer.echo(json_line(row))
    elif rows:
        titles = [key.replace("_", " ").capitalize() for key in rows[0]]
        for line in _columns([titles, *([_cell(value) for value in row.values()] for row in rows)]):
            typer.echo(line)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = local(value) if isinstance(value, datetime) else str(value)
    return printable(text, _MOST_IN_TABLES)


def _columns(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)
        )
        yield "  ".join(padded).rstrip()
