"""How much of what mails say extraction finds: scores against goldens, for tests and the bench.

The goldens of invoices and receipts lie beside them in the shared corpora; those of parcels,
deadlines and tickets are ours (``tests/support/goldens``), read by eye.
"""

from __future__ import annotations

import csv
import json
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sage_imap.models.email import EmailMessage
from sage_mail.pipeline.extraction import Extractor, OrderFacts, Source

__all__ = ["Score", "deadlines", "invoices", "languages", "parcels", "receipts", "tickets"]

_GOLDENS: Final = Path(__file__).parent / "goldens"
_PARCELS: Final = "ha-mail-packages/tests/test_emails"
_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
_SAMPLE: Final = 9


@dataclass(slots=True)
class Score:
    """Facts that are there, those of them that were found, and what was found beside them."""

    there: int = 0
    found: int = 0
    wrong: int = 0

    def count(self, expected: Iterable[str], given: Iterable[str]) -> None:
        """Add what one text says and what was taken from it."""
        wanted, had = set(expected), set(given)
        self.there += len(wanted)
        self.found += len(wanted & had)
        self.wrong += len(had - wanted)

    @property
    def recall(self) -> float:
        """The share of what is there that was found."""
        return self.found / max(self.there, 1)

    @property
    def precision(self) -> float:
        """The share of what was found that is there."""
        return self.found / max(self.found + self.wrong, 1)


def parcels(corpora: Path, extractor: Extractor) -> dict[str, Score]:
    """Orders, tracking numbers with carrier, totals and days of arrival of shipping mails."""
    goldens = tomllib.loads((_GOLDENS / "parcels.toml").read_text("utf-8"))
    scores = {key: Score() for key in ("orders", "tracking", "total", "delivered")}
    for name, golden in goldens.items():
        message = EmailMessage.from_bytes((corpora / _PARCELS / f"{name}.eml").read_bytes())
        facts = extractor.orders(Source.of_message(message)) or OrderFacts()
        given = {
            "orders": [fact.value for fact in facts.order_numbers],
            "tracking": [f"{f.value.number} {f.value.carrier}" for f in facts.tracking_numbers],
            "total": _money(facts),
            "delivered": [str(facts.delivered.value)] if facts.delivered else [],
        }
        for key, score in scores.items():
            expected = golden.get(key, [])
            expected = expected if isinstance(expected, list) else [str(expected)]
            score.count(expected, given[key])
    return scores


def invoices(corpora: Path, extractor: Extractor) -> dict[str, Score]:
    """Number, amount with currency, and date of invoices as text, the PDFs read by pdftotext."""
    scores = {key: Score() for key in ("number", "amount", "date")}
    for path in sorted((corpora / "invoice2data" / "tests").rglob("*.json")):
        (golden,) = json.loads(path.read_text("utf-8"))
        facts = extractor.orders(Source.of_text(_invoice_text(path), sent=_EPOCH)) or OrderFacts()
        numbers = [fact.value for fact in (*facts.invoice_numbers, *facts.order_numbers)]
        number = golden["invoice_number"].lstrip("#")
        scores["number"].count([number], [number] if number in numbers else numbers[:1])
        if "amount" in golden:
            amount = Decimal(str(golden["amount"])).quantize(Decimal("0.01"))
            scores["amount"].count([f"{amount} {golden['currency']}"], _money(facts))
        dates = [fact.value for fact in (facts.invoiced, facts.ordered) if fact]
        scores["date"].count([golden["date"]], [str(day) for day in dates][:1])
    return scores


def receipts(corpora: Path, extractor: Extractor) -> dict[str, Score]:
    """Totals, postage and lines of receipts in HTML: their amounts, since names differ in form."""
    folder = corpora / "receipts-beancount"
    goldens = json.loads((folder / "expected.dev.json").read_text("utf-8"))
    scores = {key: Score() for key in ("total", "postage", "items")}
    for name, golden in goldens.items():
        markup = (folder / "test" / name).read_bytes()
        head = b"From: service@paypal.co.uk\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        message = EmailMessage.from_bytes(head + markup)
        facts = extractor.orders(Source.of_message(message)) or OrderFacts()
        told = golden["receipts"]
        totals = {_amount(receipt["total"]) for receipt in told}
        given = _amount(facts.total.value.amount) if facts.total else ""
        scores["total"].count([given if given in totals else min(totals)], [given] if given else [])
        postage = {_amount(receipt["postage"]) for receipt in told} - {"0.00"}
        shipping = _amount(facts.shipping.value.amount) if facts.shipping else ""
        scores["postage"].count(postage, {shipping} - {"", "0.00"})
        lines = {_amount(line[1]) for receipt in told for line in receipt["details"] or ()}
        items = {_amount(f.value.amount.amount) for f in facts.items if f.value.amount}
        scores["items"].count(lines, items)
    return scores


def deadlines(corpora: Path, extractor: Extractor, part: str) -> Score:
    """The days by which something is due; *part* is ``held_out`` or ``tuned``."""
    goldens = tomllib.loads((_GOLDENS / "deadlines.toml").read_text("utf-8"))
    score = Score()
    for name, expected in goldens[part].items():
        message = EmailMessage.from_bytes((corpora / name).read_bytes())
        facts = extractor.urgent(Source.of_message(message))
        given = [str(fact.value.at.date()) for fact in facts.deadlines] if facts else []
        score.count(map(str, expected), given)
    return score


def tickets(corpora: Path, extractor: Extractor) -> Score:
    """The tickets that subjects name."""
    goldens = tomllib.loads((_GOLDENS / "tickets.toml").read_text("utf-8"))
    score = Score()
    for name, expected in goldens.items():
        message = EmailMessage.from_bytes((corpora / name).read_bytes())
        facts = extractor.support(Source.of_text(message.subject))
        score.count([expected] if expected else [], [fact.value for fact in facts.ticket_ids])
    return score


def languages(corpora: Path, extractor: Extractor, length: int) -> Score:
    """The language of every ninth support ticket, by its first *length* characters."""
    score = Score()
    for number, row in enumerate(_rows(corpora / "support-tickets.csv")):
        if number % _SAMPLE == 0:
            found = extractor.locale.language(Source.of_text(row["body"][:length]))
            score.count([f"{number} {row['language']}"], [f"{number} {found[0]}"] if found else [])
    return score


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _invoice_text(golden: Path) -> str:
    if (plain := golden.with_suffix(".txt")).exists():
        return plain.read_text("utf-8")
    pdf = golden.with_suffix(".pdf")
    done = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def _money(facts: OrderFacts) -> list[str]:
    total = facts.total.value if facts.total else None
    return [f"{_amount(total.amount)} {total.currency}"] if total else []


def _amount(value: object) -> str:
    return str(abs(Decimal(str(value))).quantize(Decimal("0.01")))
