"""Files made to hurt their reader cost only themselves, within ten seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

import pytest

from sage_mail.attachments import Analyst, Finding, Request, Status
from sage_mail.attachments.analyst import _answer
from sage_mail.confinement import Failed, Failure
from tests.support import hostile_files as hostile

pytestmark = pytest.mark.timeout(180)

_LONGEST = 10.0
_MEASURED = {Status.OK, Status.TIMED_OUT}
_ENDED = {Status.TIMED_OUT, Status.OUT_OF_MEMORY, Status.CRASHED}


@dataclass(frozen=True)
class _Case:
    content_type: str
    make: Callable[[], bytes]
    statuses: set[Status]
    findings: set[Finding] = frozenset()  # type: ignore[assignment]


_CASES = {
    "a picture of 50,000 by 50,000": _Case(
        "image/png", hostile.bomb_png, {Status.SKIPPED}, {Finding.DECOMPRESSION_BOMB}
    ),
    "a picture just below the limit": _Case(
        "image/png", lambda: hostile.bomb_png(9_992), {Status.OK, *_ENDED}
    ),
    "pages in a ring": _Case("application/pdf", hostile.ring_pdf, {Status.OK, Status.BROKEN}),
    "forms in forms": _Case("application/pdf", hostile.form_bomb_pdf, _ENDED),
    "a page of gigabytes": _Case("application/pdf", hostile.laughing_pdf, _ENDED),
    "10 GB in a zip": _Case(
        "application/zip", hostile.bomb_zip, {Status.OK}, {Finding.DECOMPRESSION_BOMB}
    ),
    # Whether 256 MiB come out of it in time is the machine's affair; what it is is told before.
    "10 GB in a gzip": _Case(
        "application/gzip", hostile.bomb_gzip, _MEASURED, {Finding.DECOMPRESSION_BOMB}
    ),
    "10 GB in a bzip2": _Case(
        "application/x-bzip2", hostile.bomb_bzip2, _MEASURED, {Finding.DECOMPRESSION_BOMB}
    ),
    "10 GB in an xz": _Case(
        "application/x-xz", hostile.bomb_xz, _MEASURED, {Finding.DECOMPRESSION_BOMB}
    ),
    "60,000 files in a zip": _Case("application/zip", hostile.crowded_zip, {Status.OK}),
    "archives in archives": _Case(
        "application/zip", hostile.nested_zip, {Status.OK}, {Finding.NESTED_ARCHIVE}
    ),
    "a text of brackets": _Case("text/plain", lambda: b"( " * 2_000_000 + b"!", {Status.OK}),
    "a text of amounts": _Case("text/plain", lambda: b"EUR 1.1," * 500_000, {Status.OK}),
    "a text of one word": _Case("text/plain", lambda: b"order number" * 400_000, {Status.OK}),
}


@asynccontextmanager
async def _at_work(count: int = 1) -> AsyncIterator[Analyst]:
    """An analyst whose children have begun, as a service has it when a hostile file comes."""
    analyst = Analyst(count=count)
    while len(analyst.pids) <= count:
        await asyncio.gather(*(analyst.analyse(Request(), b"x") for _ in range(count)))
    yield analyst
    await asyncio.to_thread(analyst.close)


@pytest.fixture
async def analyst() -> AsyncIterator[Analyst]:
    async with _at_work() as analyst:
        yield analyst


@pytest.mark.parametrize("name", _CASES)
async def test_a_hostile_file(analyst: Analyst, name: str) -> None:
    """It is reported in time, the loop goes on meanwhile, and the next file is read as ever."""
    case = _CASES[name]
    data = case.make()
    beats = [time.monotonic()]

    async def beat() -> None:
        while True:
            await asyncio.sleep(0.01)
            beats.append(time.monotonic())

    beating = asyncio.create_task(beat())
    answer = await analyst.analyse(Request(content_type=case.content_type), data)
    beats.append(time.monotonic())
    beating.cancel()
    assert answer.facts.status in case.statuses
    assert set(answer.facts.findings) >= case.findings
    assert beats[-1] - beats[0] < _LONGEST
    # Most beats are in time; one may be late on a machine that has other things to do.
    pauses = sorted(after - before for before, after in pairwise(beats))
    assert pauses[len(pauses) // 2] < 0.5
    well = await analyst.analyse(
        Request(filename="invoice.pdf", content_type="application/pdf"),
        hostile.pdf("Invoice Number: INV-2024-0042", "Total: EUR 119.00"),
    )
    assert well.facts.status is Status.OK
    assert well.facts.order is not None
    assert [fact.value for fact in well.facts.order.invoice_numbers] == ["INV-2024-0042"]


async def test_hostile_files_beside_each_other() -> None:
    """Two children share the work: a file that hangs one holds up no file of the other."""
    async with _at_work(2) as analyst:
        slow = asyncio.create_task(
            analyst.analyse(Request(content_type="application/pdf"), hostile.form_bomb_pdf())
        )
        done = 0
        while not slow.done():
            answer = await analyst.analyse(Request(content_type="image/png"), hostile.image())
            assert answer.facts.status is Status.OK
            done += 1
        assert (await slow).facts.status in _ENDED
        assert done > 1


async def test_what_failed_is_still_described(analyst: Analyst) -> None:
    """A file that kills its reader keeps what was found before, and what its name and type tell."""
    request = Request(filename="invoice.png", content_type="image/png")
    bomb = hostile.form_bomb_pdf().replace(
        b"/Type/Catalog", b"/Type/Catalog/OpenAction<</S/JavaScript/JS(x)>>"
    )
    facts = (await analyst.analyse(request, bomb)).facts
    assert facts.status in _ENDED
    assert facts.problem
    assert facts.detected_type == "application/pdf"
    assert facts.findings == (
        Finding.ACTIVE_CONTENT,
        Finding.EXTENSION_MISMATCH,
        Finding.TYPE_MISMATCH,
    )
    assert facts.document is not None
    assert (facts.document.pages, facts.document.text) == (1, "")
    assert facts.seconds > 0


@pytest.mark.parametrize("said", [b"", b"{", b'{"facts": {"status": "fine"}}'])
def test_what_a_child_said_in_vain(said: bytes) -> None:
    """Of a child that said nothing, or nonsense, what is known without it is told."""
    request = Request(filename="a.exe", content_type="image/png")
    facts = _answer(request, b"MZ", Failed(Failure.CRASHED, so_far=said)).facts
    assert facts.status is Status.CRASHED
    assert facts.findings == (Finding.EXECUTABLE, Finding.TYPE_MISMATCH)


async def test_what_is_too_large_is_not_read() -> None:
    """A file above the limit is described by its first octets, and no child is started for it."""
    analyst = Analyst(largest=1000)
    facts = (await analyst.analyse(Request(filename="a.png"), hostile.image())).facts
    assert (facts.status, facts.detected_type) == (Status.SKIPPED, "image/png")
    assert facts.problem == "it is larger than 1,000 octets"
    assert not analyst.pids
    analyst.close()
