"""How much mail would be filed wrongly, and how much rightly: the guide's substrings and ours.

Run by hand: ``python bench/routing_accuracy.py``. Reads the shared corpora (``SAGE_SHARED``,
default ``../shared``).

What the numbers mean

- *Wrongly moved*: given a folder that is not right for it. Ordinary mail (personal, business,
  discussions, replies) has no right folder, so each move counts against us, even that of the few
  newsletters and shop mails among it. Newsletters may go to Newsletter or Marketing, spam also to
  Spam; a customer's request to Support or Urgent; billing questions to Support or Sales.
- *Recognised*: given the folder that its label names, of those that have such a label. What stays
  in the INBOX is not recognised, and not wrong either.
- The word lists were written and tuned on one half of the samples (by a hash of their names); the
  other half is *held out* and was looked at only as numbers. Near-copies are left out.
- Confidence is compared with how often it was right, for mail that is given a folder's category.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from tests.support.filing import Filed, Sample, Tally, samples, tallied  # noqa: E402

from sage_imap.models.email import EmailMessage  # noqa: E402 - found by the line above
from sage_mail.classification.guide import SUBSTRINGS  # noqa: E402
from sage_mail.pipeline import Category, Pipeline, default_pipeline  # noqa: E402


@dataclass(frozen=True, slots=True)
class Folders:
    """Routing as a user gets it who switches it on: the guide's threshold, a folder a category."""

    threshold: float = 0.7
    mark_seen: bool = False
    folders: Mapping[str, str] = field(default_factory=lambda: {name: name for name in SUBSTRINGS})


def by_guide(raw: bytes) -> str | None:
    message = EmailMessage.from_bytes(raw)
    text = f"{message.subject} {message.plain_body}".lower()
    for category, words in SUBSTRINGS.items():
        if any(word in text for word in words):
            return category
    return None


def by_pipeline(pipeline: Pipeline) -> Filed:
    def filed(raw: bytes) -> str | None:
        return pipeline.decide(EmailMessage.from_bytes(raw)).target_folder

    return filed


def wrong_share(tallies: Mapping[str, Tally]) -> float:
    ordinary = [tally for tally in tallies.values() if tally.ordinary]
    return sum(tally.wrong for tally in ordinary) / max(sum(tally.total for tally in ordinary), 1)


def show(title: str, guide: Mapping[str, Tally], ours: Mapping[str, Tally]) -> None:
    print(f"\n{title}")
    print(f"{'':27} {'mails':>6}   {'wrongly moved':^15}   {'recognised':^15}")
    print(f"{'':27} {'':>6}   {'guide':>7} {'ours':>7}   {'guide':>7} {'ours':>7}")
    for name, tally in sorted(ours.items(), key=lambda item: not item[1].ordinary):
        wrong = f"{_wrong(guide[name])} {_wrong(tally)}"
        print(f"{name:27} {tally.total:6}   {wrong}   {_found(guide[name])} {_found(tally)}")
    total = sum(tally.total for tally in ours.values() if tally.ordinary)
    shares = f"{wrong_share(guide):7.1%} {wrong_share(ours):7.2%}"
    print(f"{'ORDINARY MAIL TOGETHER':27} {total:6}   {shares}")


def _wrong(tally: Tally) -> str:
    return f"{tally.wrong / tally.total:7.1%}"


def _found(tally: Tally) -> str:
    return f"{tally.recognised / tally.wanted:7.1%}" if tally.wanted else f"{'-':>7}"


def show_calibration(pipeline: Pipeline, of: Iterable[Sample]) -> None:
    bins: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for sample in of:
        decision = pipeline.decide(EmailMessage.from_bytes(sample.raw))
        if decision.category not in {Category.PERSONAL, Category.GENERAL}:
            counted = bins[min(int(decision.confidence * 10), 9)]
            counted[0] += decision.category in sample.allowed
            counted[1] += 1
    print("\nConfidence, and how often the category was right (held out)")
    for lower, (right, total) in sorted(bins.items()):
        print(f"  {lower / 10:.1f} to {(lower + 1) / 10:.1f}   {right / total:6.1%} of {total}")


def show_speed(pipeline: Pipeline, of: Iterable[Sample]) -> None:
    messages = [EmailMessage.from_bytes(sample.raw) for sample in of]
    for message in messages:  # parsing is the library's work, and measured elsewhere
        _ = message.subject, message.plain_body, message.html_body, message.attachments
        _ = message.from_address, message.to_addresses, message.cc_addresses
    started = time.process_time()
    for message in messages:
        pipeline.decide(message)
    seconds = time.process_time() - started
    print(f"\nSpeed: {len(messages) / seconds:,.0f} mails a second and core, after parsing")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--half", choices=("held-out", "tuned", "both"), default="both")
    half = parser.parse_args().half
    corpora = Path(os.environ.get("SAGE_SHARED", _ROOT.parent / "shared")) / "corpora"
    if not corpora.is_dir():
        print(f"There are no corpora at {corpora}; set SAGE_SHARED.")
        return 1
    chosen = list(samples(corpora))
    pipeline = default_pipeline(Folders())
    for name, held_out in (("held-out", True), ("tuned", False)):
        if half in {name, "both"}:
            of = [sample for sample in chosen if sample.held_out is held_out]
            show(f"{name} half", tallied(of, by_guide), tallied(of, by_pipeline(pipeline)))
    show_calibration(pipeline, (sample for sample in chosen if sample.held_out))
    show_speed(pipeline, chosen)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
