"""Which events an endpoint gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sage_mail.delivery.events import EventType
from sage_mail.delivery.expressions import Expression
from sage_mail.delivery.filters import Conditions, facts_of
from sage_mail.delivery.payloads import message_data
from sage_mail.records import EventRecord, NewAttachment
from tests.sage_mail.delivery.samples import event, message

_PDF = NewAttachment(filename="o.pdf", content_type="application/pdf", size=1, sha256="0" * 64)
_NEW = event(**message_data(message(), [_PDF]))
_CONNECTED = replace(event(EventType.ACCOUNT_CONNECTED), mailbox=None)


def _from(address: str) -> dict[str, Any]:
    return {"from": {"name": "", "address": address}}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (Conditions(), True),
        (Conditions(events=("message.*",)), True),
        (Conditions(events=("account.*",)), False),
        (Conditions(accounts=("work", "home")), True),
        (Conditions(accounts=("ho*",)), False),
        (Conditions(folders=("INBOX",)), True),
        (Conditions(folders=("INBOX/*",)), False),
        (Conditions(categories=("support",)), True),
        (Conditions(categories=("sales", "spam")), False),
        (Conditions(priorities=("high",)), True),
        (Conditions(priorities=("low",)), False),
        (Conditions(senders=("*@Example.org",)), True),
        (Conditions(senders=("*@example.com", "bob@*")), False),
        (Conditions(expression=Expression('"application/pdf" in attachment_types')), True),
        (Conditions(expression=Expression('sender == "ada@example.org" && size > 4000')), False),
        (Conditions(events=("message.new",), categories=("support",), priorities=("low",)), False),
    ],
)
def test_all_conditions_are_to_be_met(conditions: Conditions, *, expected: bool) -> None:
    """Each condition narrows what comes; what is not asked for does not matter."""
    assert conditions.met_by(_NEW) is expected


def test_folders_whatever_the_servers_delimiter() -> None:
    """A pattern with slashes finds a folder that the server writes with dots."""
    filed = replace(_NEW, mailbox="INBOX.Support.Later")
    assert Conditions(folders=("INBOX/Support/*",)).met_by(filed)
    assert Conditions(folders=("INBOX.Support.*",)).met_by(filed)


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(folders=("*",)),
        Conditions(categories=("support",)),
        Conditions(priorities=("high",)),
        Conditions(senders=("*",)),
    ],
)
def test_an_event_that_lacks_the_fact(conditions: Conditions) -> None:
    """Who asks for a category, a folder or a sender does not hear of connections."""
    assert not conditions.met_by(_CONNECTED)


def test_an_expression_without_a_value_lets_the_event_pass(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An event too many is better than one that nobody hears of; the log says so."""
    assert Conditions(expression=Expression('cc[0] == "a"')).met_by(_NEW)
    assert "webhook_filter_failed" in caplog.text


def test_facts_of_an_event_without_any() -> None:
    """Every variable can be made of an event that has no data."""
    bare: EventRecord = replace(_CONNECTED, data={})
    assert facts_of(bare)["sender"] == ""
    assert Expression('sender == "" && size(to) == 0 && folder == ""').holds(facts_of(bare))


@pytest.mark.parametrize(
    ("conditions", "changes"),
    [
        (Conditions(folders=("[Gmail]/Spam",)), {"mailbox": "[Gmail]/Spam"}),
        (Conditions(folders=("[Gmail]/*",)), {"mailbox": "[Gmail]/All Mail"}),
        (Conditions(folders=("Why?",)), {"mailbox": "Why?"}),
        (Conditions(folders=("inbox",)), {"mailbox": "INBOX"}),
        (Conditions(folders=("INBOX/Later",)), {"mailbox": "Inbox.Later"}),
        (Conditions(accounts=("a[1]",)), {"account": "a[1]"}),
        (Conditions(senders=("[ada]@example.org",)), {"data": _from("[ada]@example.org")}),
    ],
)
def test_only_the_star_is_special(conditions: Conditions, changes: dict[str, Any]) -> None:
    """Brackets and question marks are characters of names; INBOX is one name in whatever case."""
    assert conditions.met_by(replace(_NEW, **changes))


@pytest.mark.parametrize(
    ("pattern", "mailbox"),
    [("[Gmail]/Spam", "G/Spam"), ("Why?", "Whys"), ("inboxes", "INBOXES"), ("sent", "Sent")],
)
def test_names_that_differ(pattern: str, mailbox: str) -> None:
    """Other names than INBOX differ by case, and no character stands for another."""
    assert not Conditions(folders=(pattern,)).met_by(replace(_NEW, mailbox=mailbox))
