from __future__ import annotations

from typing import Any

import pytest

from sage_imap.models.address import EmailAddress
from sage_imap.models.envelope import Envelope
from sage_imap.models.structure import BodyPart, Disposition
from sage_imap.protocol import events as facts
from sage_imap.testing.describe import describe


@pytest.mark.parametrize(
    ("event", "description"),
    [
        (
            facts.UntaggedStatus(facts.Status.NO, facts.ResponseCode("X", (1,)), "t"),
            {"type": "no", "code": {"name": "X", "args": [1]}, "text": "t"},
        ),
        (facts.ExistsReceived(4), {"type": "exists", "count": 4}),
        (
            facts.MetadataReceived("x", names=("/a",)),
            {"type": "metadata", "mailbox": "x", "entries": {}, "names": ["/a"]},
        ),
        (facts.ParseFailure("why", b"raw", 3), {"type": "parse_failure", "reason": "why"}),
        (facts.ConnectionEnded(True), None),
        (facts.CommandCompleted(facts.Handle("A1", "NOOP"), facts.Status.OK), None),
    ],
)
def test_events(event: facts.Event, description: dict[str, Any] | None) -> None:
    """An event is described in the words of the format."""
    assert describe(event) == description


def test_rows() -> None:
    """Envelopes and structures are described with all that they hold."""
    leaf = BodyPart("text/plain", disposition=Disposition("inline", {}))
    message = BodyPart("message/rfc822", envelope=None, body=leaf)
    envelope = Envelope(from_=(EmailAddress("", "a", "b"),))
    event = facts.FetchReceived(
        1, {"ENVELOPE": envelope, "BODY": BodyPart("multipart/mixed", parts=(message,)), "UID": 5}
    )
    described = describe(event)
    assert described is not None
    items = described["items"]
    assert items["UID"] == 5
    assert items["ENVELOPE"]["from"] == [{"name": None, "mailbox": "a", "host": "b"}]
    assert items["ENVELOPE"]["subject"] is None
    (part,) = items["BODY"]["parts"]
    assert part["message"]["envelope"] is None
    assert part["message"]["body"]["disposition"] == {"type": "inline", "params": {}}
    assert "parts" not in part
