"""How much extraction finds, and how fast. Needs pdftotext for the invoices that are PDFs.

What the numbers mean

- *There* is how many facts the goldens tell, *found* the share of them that extraction gives,
  *right* the share of what it gives that the goldens tell.
- Extraction was written with the parcels, invoices and receipts at hand: those numbers say what it
  can do with mail that it knows. The deadlines under "held out" were not looked at before.
- The rate is of one process on one core, all five extractions, after the library's parsing. The
  mails are drawn evenly from all folders of the corpora; an *ordinary* one has up to 3,000
  characters of text and 15,000 of markup.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.corpora import real_mails
from tests.support.facts import (
    Score,
    deadlines,
    invoices,
    languages,
    parcels,
    receipts,
    tickets,
)

from sage_imap.models.email import EmailMessage
from sage_mail.pipeline.extraction import Extractor, Source, load_vocabulary

_MAILS: Final = 2_000
_TEXT: Final = 3_000
_MARKUP: Final = 15_000
_WARM: Final = 200


def rows(corpora: Path, extractor: Extractor) -> Iterator[tuple[str, Score]]:
    """Each measured fact with its score."""
    found = parcels(corpora, extractor)
    yield "shipping mails: order numbers", found["orders"]
    yield "shipping mails: tracking numbers with carrier", found["tracking"]
    yield "shipping mails: total with currency", found["total"]
    yield "shipping mails: day of arrival", found["delivered"]
    found = invoices(corpora, extractor)
    yield "invoices (PDF, text): number", found["number"]
    yield "invoices (PDF, text): amount with currency", found["amount"]
    yield "invoices (PDF, text): date", found["date"]
    found = receipts(corpora, extractor)
    yield "receipts (HTML): total", found["total"]
    yield "receipts (HTML): postage", found["postage"]
    yield "receipts (HTML): amounts of the lines", found["items"]
    yield "deadlines, tuned", deadlines(corpora, extractor, "tuned")
    yield "deadlines, held out", deadlines(corpora, extractor, "held_out")
    yield "ticket numbers in subjects", tickets(corpora, extractor)
    yield "language of tickets, 1,000 characters", languages(corpora, extractor, 1_000)
    yield "language of tickets, 60 characters", languages(corpora, extractor, 60)


def rate(extractor: Extractor, messages: list[EmailMessage]) -> str:
    """Mails a second on one core, and the median and the 95th percentile of one in milliseconds."""
    taken = []
    for message in messages:
        started = time.process_time()
        extract(extractor, message)
        taken.append(time.process_time() - started)
    taken.sort()
    middle, high = taken[len(taken) // 2] * 1e3, taken[int(len(taken) * 0.95)] * 1e3
    return f"| {len(taken):,} | {len(taken) / sum(taken):,.0f} | {middle:.1f} ms | {high:.1f} ms |"


def parsed() -> list[EmailMessage]:
    """Mails whose parts have been read: parsing is the library's work, and measured elsewhere."""
    messages = [EmailMessage.from_bytes(raw) for _, raw in real_mails(_MAILS)]
    for message in messages:
        _ = message.subject, message.plain_body, message.html_body, message.date
        _ = message.from_addresses, message.to_addresses, message.cc_addresses
    return messages


def is_ordinary(message: EmailMessage) -> bool:
    return len(message.plain_body) <= _TEXT and len(message.html_body) <= _MARKUP


def extract(extractor: Extractor, message: EmailMessage) -> None:
    source = Source.of_message(message)
    extractor.support(source)
    extractor.orders(source)
    extractor.urgent(source)
    extractor.spam(source)
    extractor.analysis(source)


def section(corpora: Path) -> str:
    """The section "Extraction" in Markdown."""
    extractor = Extractor(load_vocabulary())
    table = "\n".join(
        f"| {name} | {score.there} | {score.recall:.0%} | {score.precision:.0%} |"
        for name, score in rows(corpora, extractor)
    )
    messages = parsed()
    ordinary = [message for message in messages if is_ordinary(message)]
    gc.freeze()
    for message in ordinary[:_WARM]:
        extract(extractor, message)
    speed = (
        "| mails | how many | a second and core | one in the middle | 95th percentile |\n"
        "| --- | --- | --- | --- | --- |\n"
        f"| ordinary {rate(extractor, ordinary)}\n| all {rate(extractor, messages)}"
    )
    head = "| fact | there | found | right |\n| --- | --- | --- | --- |"
    return "\n".join((_WORDS, head, table, "", _SPEED, speed, "", _SHORT))


_WORDS: Final = """\
## Extraction

*There* is how many facts the goldens tell, *found* the share of them that extraction gives, *right*
the share of what it gives that the goldens tell. Extraction was written with the parcels, invoices
and receipts at hand, so those numbers say what it can do with mail that it knows; "held out" was
not looked at before. The samples are small: one fact moves many of these numbers by several points.
"""
_SPEED: Final = """\
All five extractions, one process on one core, mails drawn evenly from all folders of the corpora;
ordinary ones have up to 3,000 characters of text and 15,000 of markup.
"""
_SHORT: Final = """\
Where it falls short: deadlines told without a date ("mid-August", "when I am back"), and dates that
others are bound to or that are mere plans, which look the same; a second tracking number in a table
whose heading stands above the first; a booking number that stands below its heading in another
column of a PDF; receipts for several orders, of which one total is given. The expected languages
are the corpus's own, which calls some twenty of these English tickets German. Sentiment, keywords,
people and organisations have no golden: they are rules of thumb, and their confidence says so.
"""
