"""Judging where mail of the shared corpora would be filed.

A sample says which folders are right for it (``allowed``) and which category should be recognised
(``wanted``). It is moved wrongly when it is given any other folder. For ordinary mail no folder is
right, so that each move counts, even of the newsletters and shop mails that these sources hold
without saying so: the share is an upper bound.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage as Draft
from pathlib import Path
from typing import Final

__all__ = ["Filed", "Sample", "Tally", "samples", "tallied"]

_NOTHING: Final[frozenset[str]] = frozenset()
_PROGRAM: Final = "Product <notifications@shop.example>"
_BULK: Final = frozenset({"newsletter", "marketing"})

Filed = Callable[[bytes], str | None]
"""The category under which raw mail would be moved; None where it stays."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A message of a corpus with the folders that are right for it."""

    group: str
    name: str
    raw: bytes
    allowed: frozenset[str] = _NOTHING
    wanted: frozenset[str] = _NOTHING
    ordinary: bool = False

    @property
    def held_out(self) -> bool:
        """Whether the sample belongs to the half that the word lists were not tuned on."""
        return hashlib.sha256(self.name.encode()).digest()[0] % 2 == 1


@dataclass(slots=True)
class Tally:
    """What was done with the samples of one group."""

    ordinary: bool
    total: int = 0
    wrong: int = 0
    wanted: int = 0
    recognised: int = 0
    moves: Counter[str] = field(default_factory=Counter)

    def add(self, sample: Sample, folder: str | None) -> None:
        """Count one sample that would be moved under a category, or stay for None."""
        self.total += 1
        self.wanted += bool(sample.wanted)
        if folder is None:
            return
        self.moves[folder] += 1
        self.wrong += folder not in sample.allowed
        self.recognised += folder in sample.wanted


def tallied(of: Iterable[Sample], filed: Filed) -> dict[str, Tally]:
    """The tally of each group, in the order in which the groups come."""
    tallies: dict[str, Tally] = {}
    for sample in of:
        tally = tallies.setdefault(sample.group, Tally(sample.ordinary))
        tally.add(sample, filed(sample.raw))
    return tallies


def samples(corpora: Path) -> Iterator[Sample]:
    """Every labelled message under the corpora folder, in a fixed order, near-copies left out."""
    yield from _labelled(corpora)
    yield from _replies(corpora)
    yield from _tickets(corpora)
    yield from _bank_queries(corpora)
    yield from _templates(corpora)
    yield from _receipts(corpora)
    for path in sorted((corpora / "ha-mail-packages").rglob("*.eml")):
        yield _sample("shipping", path, corpora, allowed={"sales"}, wanted={"sales"})


def _sample(
    group: str,
    path: Path,
    corpora: Path,
    *,
    allowed: Iterable[str] = (),
    wanted: Iterable[str] = (),
    ordinary: bool = False,
) -> Sample:
    raw = path.read_bytes()
    if path.suffix not in {".eml"} and not _has_sender(raw):
        raw = _with_addresses(raw)
    name = str(path.relative_to(corpora))
    return Sample(group, name, raw, frozenset(allowed), frozenset(wanted), ordinary)


def _has_sender(raw: bytes) -> bool:
    return b"\nFrom:" in raw[:8192] or raw.startswith((b"From:", b"From "))


def _with_addresses(raw: bytes) -> bytes:
    """A text, or one that has only a Subject line, as a mail between two people."""
    head = b"From: Alex Writer <alex@mail.example>\r\nTo: Robin Reader <robin@mail.example>\r\n"
    if not raw.startswith(b"Subject:"):
        return head + b"Subject: (none)\r\n\r\n" + raw
    subject, _, body = raw.partition(b"\n")
    return head + subject.strip() + b"\r\n\r\n" + body


def _labelled(corpora: Path) -> Iterator[Sample]:
    with (corpora / "labels.tsv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["dup_within_split"] or not (corpora / row["path"]).is_file():
                continue
            judged = _judged(row["source"], row["original_label"], row["path"])
            if judged:
                group, allowed, wanted, ordinary = judged
                yield _sample(
                    group,
                    corpora / row["path"],
                    corpora,
                    allowed=allowed,
                    wanted=wanted,
                    ordinary=ordinary,
                )


_Judgement = tuple[str, frozenset[str], frozenset[str], bool]


def _judged(source: str, label: str, path: str) -> _Judgement | None:
    spam = frozenset({"spam"})
    if source == "20news":
        if label == "misc.forsale":
            return "20news for sale", frozenset({"sales"}), frozenset({"sales"}), False
        return "20news discussion", _NOTHING, _NOTHING, True
    if source == "enron-categories":
        # 2.10: the voters saw a newsletter in it, wholly or forwarded.
        allowed = _BULK if "2.10" in label.split() else _NOTHING
        return ("enron genres", allowed, _NOTHING, True) if path.endswith(".txt") else None
    fixed: dict[tuple[str, str], _Judgement] = {
        ("spamassassin", "easy-ham-1"): ("spamassassin ham", _NOTHING, _NOTHING, True),
        ("spamassassin", "easy-ham-2"): ("spamassassin ham", _NOTHING, _NOTHING, True),
        ("spamassassin", "hard-ham-1"): ("spamassassin newsletters", _BULK, _BULK, False),
        ("spamassassin", "spam"): ("spamassassin spam", spam | _BULK, spam, False),
        ("enron1", "ham"): ("enron1 ham", _NOTHING, _NOTHING, True),
        ("enron1", "spam"): ("enron1 spam", spam | _BULK, spam, False),
        ("gmail", "inbox/personal"): ("gmail personal", _NOTHING, _NOTHING, True),
        ("gmail", "inbox/promotions"): ("gmail promotions", _BULK, _BULK, False),
        ("gmail", "inbox/updates"): ("gmail updates", _BULK, _BULK, False),
    }
    return fixed.get((source, label))


def _replies(corpora: Path) -> Iterator[Sample]:
    for folder in ("reply-talon", "reply-zapier", "reply-github", "reply-discourse"):
        for path in sorted((corpora / folder).rglob("*")):
            told = path.suffix in {".eml", ".txt"} and "elided" not in path.parts
            if told and "trimmed" not in path.parts:
                yield _sample("replies", path, corpora, ordinary=True)


def _tickets(corpora: Path) -> Iterator[Sample]:
    helped = frozenset({"support", "urgent"})
    with (corpora / "support-tickets.csv").open(encoding="utf-8", newline="") as table:
        for number, row in enumerate(csv.DictReader(table)):
            label = row["project_label"]
            raw = _mail(row["subject"], row["body"])
            name = f"support-tickets.csv:{number}"
            if label == "support":
                group = f"tickets support {row['language']}"
                yield Sample(group, name, raw, helped, frozenset({"support"}))
            elif label.startswith("sales"):
                allowed = helped | {"sales"}
                yield Sample(f"tickets {label}", name, raw, allowed, frozenset({"sales"}))
            else:
                yield Sample("tickets general", name, raw, helped, frozenset())


def _bank_queries(corpora: Path) -> Iterator[Sample]:
    with (corpora / "banking77/banking_data/train.csv").open(encoding="utf-8", newline="") as table:
        for number, row in enumerate(csv.DictReader(table)):
            if number % 10 == 0:
                support = frozenset({"support"})
                raw = _mail("Question", row["text"])
                yield Sample("bank queries", f"banking77:{number}", raw, support, support)


def _templates(corpora: Path) -> Iterator[Sample]:
    for path in sorted((corpora / "postmark-templates/templates").rglob("content.txt")):
        kind = path.parent.name
        if kind == "example":
            continue
        paid = kind in {"receipt", "invoice", "dunning"}
        raw = _mail("A message from Product", path.read_text("utf-8"), sender=_PROGRAM)
        allowed = frozenset({"sales"}) if paid else _NOTHING
        wanted = frozenset({"sales"}) if kind in {"receipt", "invoice"} else _NOTHING
        group = "templates paid" if paid else "templates account"
        yield Sample(group, str(path.relative_to(corpora)), raw, allowed, wanted)


def _receipts(corpora: Path) -> Iterator[Sample]:
    sales = frozenset({"sales"})
    for path in sorted((corpora / "receipts-beancount").rglob("*.html")):
        text = path.read_text("utf-8", errors="replace")
        raw = _mail("A message from Product", text, sender=_PROGRAM, subtype="html")
        yield Sample("receipts", str(path.relative_to(corpora)), raw, sales, sales)


def _mail(
    subject: str,
    body: str,
    *,
    sender: str = "Kim Writer <kim@mail.example>",
    subtype: str = "plain",
) -> bytes:
    draft = Draft()
    draft["From"] = sender
    draft["To"] = "office@company.example"
    draft["Subject"] = " ".join(subject.split())
    draft.set_content(body, subtype=subtype)
    return draft.as_bytes()
