from __future__ import annotations

import pytest

from sage_imap.protocol.events import (
    ACLReceived,
    Event,
    ListRightsReceived,
    MetadataReceived,
    MyRightsReceived,
    ParseFailure,
    QuotaReceived,
    QuotaRootReceived,
)
from tests.sage_imap.protocol.grammar.reading import read_one


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (
            b'* QUOTA "" (storage 40911 9223372036854775807 MESSAGE 1 2)',
            QuotaReceived("", {"STORAGE": (40911, 9223372036854775807), "MESSAGE": (1, 2)}),
        ),
        (b"* QUOTAROOT inbox a b", QuotaRootReceived("INBOX", ("a", "b"))),
        (b"* QUOTAROOT lists.tide", QuotaRootReceived("lists.tide", ())),
        (b"* ACL Nets ann lrs -bo w", ACLReceived("Nets", {"ann": "lrs", "-bo": "w"})),
        (b"* LISTRIGHTS Log ann lr s wti", ListRightsReceived("Log", "ann", "lr", ("s", "wti"))),
        (b'* MYRIGHTS "Inbox" lrs', MyRightsReceived("INBOX", "lrs")),
        (
            b'* METADATA "Nets" (/Private/colour NIL "/shared/x" "mend")',
            MetadataReceived("Nets", {"/private/colour": None, "/shared/x": "mend"}),
        ),
        (
            b'* METADATA "" /shared/a /shared/b',
            MetadataReceived("", names=("/shared/a", "/shared/b")),
        ),
    ],
)
def test_responses(data: bytes, event: Event) -> None:
    """Each response about quotas, rights and annotations is one event."""
    assert read_one(data) == event


@pytest.mark.parametrize(
    "data",
    [
        b"* QUOTA x",
        b"* QUOTA x (STORAGE 1)",
        b"* QUOTA x (STORAGE -1 5)",
        b"* QUOTAROOT",
        b"* ACL Nets ann",
        b"* LISTRIGHTS Log ann",
        b"* MYRIGHTS x",
        b"* METADATA x (/a)",
        b"* METADATA x ((/a) b)",
    ],
)
def test_what_is_not_understood(data: bytes) -> None:
    """Anything else is a failure."""
    assert isinstance(read_one(data), ParseFailure)
