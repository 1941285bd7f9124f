"""Trains the spam model that the package ships: ``python tools/train_spam_model.py``.

Reads the shared corpora (``SAGE_SHARED``, default ``../shared``) and takes from them only what may
be shipped in a model: the SpamAssassin corpus (PDDL and CC0), and, as ordinary mail of our days,
the templates of Postmark (MIT), KDE Itinerary's booking mails (CC0) and Banking77's questions
(CC BY 4.0). Writes the model and its manifest into the package, and shows its scores.

Newsletters and mail of programs count five times: they are few, and calling them spam is the one
mistake that a score for spam must not make.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from email.message import EmailMessage as Draft
from pathlib import Path
from typing import Final

from sage_imap.models.email import EmailMessage
from sage_mail.classification.dataset import Dataset, Labelled
from sage_mail.classification.features import Part
from sage_mail.classification.linear import HAM, SPAM
from sage_mail.classification.making import make
from sage_mail.classification.opening import shipped_spam_path
from sage_mail.classification.storing import save_model
from sage_mail.classification.training import Learning

__all__ = ["LEARNING", "PARTS", "shippable"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_RARE: Final = 5.0
_QUESTIONS: Final = 40  # one in so many
#: Header features would learn the lists and hosts of 2002.
PARTS: Final = (Part.WORDS, Part.CHARACTERS)
#: Of ham called spam and spam called ham the former is the worse mistake.
LEARNING: Final = Learning(threshold=0.9)


def shippable(corpora: Path) -> Iterator[Labelled]:
    """Every message of which a shipped model may learn, near-copies within a source left out."""
    yield from _spamassassin(corpora)
    yield from _templates(corpora / "postmark-templates")
    yield from _bookings(corpora / "kitinerary")
    yield from _questions(corpora / "banking77/banking_data/train.csv")


def _spamassassin(corpora: Path) -> Iterator[Labelled]:
    with (corpora / "labels.tsv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            path = corpora / row["path"]
            if row["source"] != "spamassassin" or row["dup_within_split"] or not path.is_file():
                continue
            group = row["original_label"]
            yield Labelled(
                EmailMessage.from_bytes(path.read_bytes()),
                SPAM if group == "spam" else HAM,
                f"spamassassin {group}",
                _RARE if group.startswith("hard-ham") else 1.0,
                "PDDL 1.0, contents CC0 1.0",
            )


def _templates(folder: Path) -> Iterator[Labelled]:
    for path in sorted(folder.rglob("content.html")):
        message = _mail(path.parent.name.replace("-", " "), path.read_text("utf-8"), "html")
        yield Labelled(message, HAM, "postmark-templates", _RARE, "MIT, Wildbit LLC")


def _bookings(folder: Path) -> Iterator[Labelled]:
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".eml":
            message = EmailMessage.from_bytes(path.read_bytes())
        elif path.suffix in {".html", ".txt"} and path.name != "CMakeLists.txt":
            subtype = "html" if path.suffix == ".html" else "plain"
            message = _mail("Booking", path.read_text("utf-8", errors="replace"), subtype)
        else:
            continue
        yield Labelled(message, HAM, "kitinerary", _RARE, "CC0 1.0, KDE Itinerary")


def _questions(table: Path) -> Iterator[Labelled]:
    with table.open(encoding="utf-8", newline="") as rows:
        for number, row in enumerate(csv.DictReader(rows)):
            if number % _QUESTIONS == 0:
                message = _mail("Question", row["text"], "plain")
                yield Labelled(message, HAM, "banking77", 1.0, "CC BY 4.0, PolyAI Limited")


def _mail(subject: str, text: str, subtype: str) -> EmailMessage:
    draft = Draft()
    draft["From"] = "Product <notifications@shop.example>"
    draft["To"] = "office@company.example"
    draft["Subject"] = subject
    draft.set_content(text, subtype=subtype)
    return EmailMessage.from_bytes(draft.as_bytes())


def main() -> int:
    """Train, save, and show the scores."""
    corpora = Path(os.environ.get("SAGE_SHARED", _ROOT.parent / "shared")) / "corpora"
    if not corpora.is_dir():
        sys.stderr.write(f"There are no corpora at {corpora}; set SAGE_SHARED.\n")
        return 1
    made = make(Dataset.of(shippable(corpora), PARTS), "shipped-spam", LEARNING)
    save_model(made.model, made.manifest, made.octets, shipped_spam_path())
    sys.stdout.write(made.manifest.model_dump_json(indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
