"""The demo in the terminal: a table that is drawn anew as the board changes."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sage_mail.console.board import Board, Mail

__all__ = ["picture"]

_ROWS: Final = 16
_COLOURS: Final = {
    "support": "blue",
    "sales": "green",
    "marketing": "yellow",
    "newsletter": "magenta",
    "spam": "red",
    "urgent": "bold red",
    "personal": "cyan",
}
_MARKS: Final = {"delivered": "[green]✓ told[/]", "pending": "[dim]…[/]", "failed": "[red]✗[/]"}


def picture(board: Board, *, arrived: int, address: str) -> RenderableType:
    """The counts, the latest mails and where the page is."""
    counts = board.counts
    head = Text.assemble(
        ("Sage ", "bold"),
        f" {arrived} arrived · {counts.stored} stored · {counts.delivered} deliveries · "
        f"{counts.filed} filed · {counts.dead} dead letters",
    )
    foot = Text.assemble(
        ("live page ", "dim"), (address, "underline"), ("   Ctrl-C ends it", "dim")
    )
    return Group(head, _table(board), foot)


def _table(board: Board) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column("arrived", no_wrap=True, style="dim", width=8)
    table.add_column("from", no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_column("subject", no_wrap=True, overflow="ellipsis", ratio=4)
    table.add_column("category", no_wrap=True, width=10)
    table.add_column("sure", no_wrap=True, justify="right", width=5)
    table.add_column("filed in", no_wrap=True, overflow="ellipsis", width=17)
    table.add_column("receiver", no_wrap=True, width=8)
    for mail in board.mails[:_ROWS]:
        table.add_row(*_row(mail))
    return table


def _row(mail: Mail) -> tuple[str, ...]:
    colour = _COLOURS.get(mail.category, "default")
    arrived = datetime.fromisoformat(mail.stored_at).astimezone()
    told = next((each.status for each in mail.deliveries if each.endpoint == "receiver"), "pending")
    return (
        f"{arrived:%H:%M:%S}",
        escape(mail.sender),
        escape(mail.subject or "(no subject)"),
        f"[{colour}]{mail.category}[/]",
        f"{int(mail.confidence * 100)}%",  # rounded down: 100% would be a claim
        f"[green]{escape(mail.mailbox)}[/]" if mail.filed else f"[dim]{escape(mail.mailbox)}[/]",
        _MARKS[told],
    )
