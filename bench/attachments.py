"""How fast real attachments are analysed: ``attachments.py [PROCESSES]``, two unless told.

All attachments of the shared corpora (SAGE_SHARED) are read, those of mails and the invoices and
pictures beside them, each different file once, in the children of the service and with its limits.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from collections import Counter
from pathlib import Path

from sage_imap.models.email import EmailMessage
from sage_mail.attachments import Analyst, AttachmentFacts, Request

_ROOT = Path(__file__).resolve().parents[1]
_SUFFIXES = {".eml", ".msg", ".raw", ".txt", ""}
_FILES = {".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg"}
_LARGEST_MAIL = 32 * 1024 * 1024

Sample = tuple[Request, bytes]


def _samples(corpora: Path) -> list[Sample]:
    found: dict[tuple[str, str], Sample] = {}
    for path in sorted(corpora.rglob("*")):
        if not path.is_file() or path.stat().st_size > _LARGEST_MAIL:
            continue
        if path.suffix in _FILES:
            _add(found, path.name, _FILES[path.suffix], path.read_bytes())
        elif path.suffix in _SUFFIXES or path.name.split(".")[0].isdigit():
            raw = path.read_bytes()
            # Parsing the quarter of a million mails without any would take minutes.
            if b"ontent-" not in raw:
                continue
            for attachment in EmailMessage.from_bytes(raw).attachments:
                _add(found, attachment.filename, attachment.content_type, attachment.content)
    return list(found.values())


def _add(found: dict[tuple[str, str], Sample], name: str, content_type: str, data: bytes) -> None:
    key = (hashlib.sha256(data).hexdigest(), content_type)
    found.setdefault(key, (Request(filename=name, content_type=content_type), data))


async def _rate(samples: list[Sample], processes: int) -> tuple[float, list[AttachmentFacts]]:
    """The seconds for all of them with this many children, and what was found."""
    analyst = Analyst(count=processes)
    # The children and their libraries are started once, not for each attachment.
    await asyncio.gather(*(analyst.analyse(*samples[0]) for _ in range(processes)))
    began = time.perf_counter()
    answers = await asyncio.gather(*(analyst.analyse(*sample) for sample in samples))
    seconds = time.perf_counter() - began
    await asyncio.to_thread(analyst.close)
    return seconds, [answer.facts for answer in answers]


def _kind(facts: AttachmentFacts) -> str:
    for kind in ("image", "document", "archive"):
        if getattr(facts, kind) is not None:
            return kind
    return "other"


def _report(samples: list[Sample], facts: list[AttachmentFacts], seconds: float) -> None:
    size = sum(len(data) for _, data in samples) / 1e6
    print(f"{len(samples)} attachments, {size:.1f} MB, in {seconds:.2f} s: ", end="")
    print(f"{len(samples) / seconds:.0f} a second, {size / seconds:.1f} MB/s")
    for kind, count in Counter(map(_kind, facts)).most_common():
        times = sorted(one.seconds for one in facts if _kind(one) == kind)
        print(f"  {count:5} {kind}, the slowest {times[-1] * 1000:.0f} ms")
    print("  status:", dict(Counter(str(one.status) for one in facts)))
    print("  findings:", dict(Counter(str(f) for one in facts for f in one.findings)))


def main() -> None:
    """Print the rates with one child, and with as many as asked for."""
    shared = Path(os.environ.get("SAGE_SHARED", _ROOT.parent / "shared"))
    corpora = shared / "corpora"
    if not corpora.is_dir():
        print("attachments: the shared corpora are not on this machine (set SAGE_SHARED)")
        return
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    samples = _samples(corpora)
    for count in sorted({1, processes}):
        print(f"children: {count}")
        seconds, facts = asyncio.run(_rate(samples, count))
        _report(samples, facts, seconds)


if __name__ == "__main__":
    main()
