"""Where a known message was, as the server tells it."""

from __future__ import annotations

import pytest

from sage_imap.aio import IMAPClient
from sage_imap.errors import Throttled
from sage_mail.ingest.matching import Candidate
from sage_mail.ingest.sources import gone_from_server
from tests.support.script_server import ScriptServer

_KNOWN = Candidate(1, "mark", "Work", 9, 4, "present")
_SELECT = '>> * PREAUTH [CAPABILITY IMAP4rev1] hello\n<< A1 EXAMINE "Work"\n'


async def _gone(script: str, *, patient: bool = True) -> set[int]:
    with ScriptServer(f"{_SELECT}{script}\n.. silence") as server:
        config = {"host": "127.0.0.1", "port": server.port, "security": "plain", "timeout": 5.0}
        async with IMAPClient(config) as client:
            return await gone_from_server(client, [_KNOWN], patient=patient)


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        (">> A1 NO [NONEXISTENT] no such mailbox", {1}),
        (
            '>> A1 NO no\n<< A2 LIST "" "Work"\n>> * LIST (\\\\Noselect) "/" Work\\r\\nA2 OK done',
            {1},
        ),
        (">> A1 NO [NOPERM] denied", set()),
        ('>> A1 NO no\n<< A2 LIST "" "Work"\n>> * LIST () "/" Work\\r\\nA2 OK done', set()),
        (">> A1 BAD what?", set()),
    ],
)
async def test_a_mailbox_that_cannot_be_opened(answer: str, gone: set[int]) -> None:
    """What was in a mailbox is gone with it, and counts as there where nobody may look."""
    assert await _gone(answer) == gone


async def test_a_mailbox_that_cannot_be_opened_just_now() -> None:
    """Whoever has the patience is told to come again; to others it counts as there."""
    refusal = ">> A1 NO [INUSE] locked"
    with pytest.raises(Throttled):
        await _gone(refusal)
    assert await _gone(refusal, patient=False) == set()
