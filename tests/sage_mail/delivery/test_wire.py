"""The bytes of a stored event in both formats."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_mail.delivery.events import EventType
from sage_mail.delivery.payloads import message_data
from sage_mail.delivery.wire import encode
from tests.sage_mail.delivery.samples import MOMENT, event, message

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


def test_sage_format() -> None:
    """Our own format is the specification's payload and the event's number, compact."""
    body = encode(event(subject="Grüße"), format="sage", endpoint="crm")
    assert (
        body
        == (
            '{"id":"evt_1","type":"message.new","timestamp":"2026-01-31T08:15:00.123Z",'
            '"data":{"subject":"Grüße"},"sequence":17}'
        ).encode()
    )


@given(st.dictionaries(st.text(), _JSON))
def test_any_data_survives(data: dict[str, object]) -> None:
    """Whatever JSON the data is, lone surrogates included, the bytes are UTF-8 and read back."""
    body = encode(event(payload=data), format="sage", endpoint="crm")
    assert json.loads(body.decode("utf-8"))["data"]["payload"] == data


def test_guide_format_of_a_new_message() -> None:
    """The guide's envelope has the guide's names and values, then our own facts."""
    body = encode(event(**message_data(message())), format="guide", endpoint="crm")
    envelope = json.loads(body)
    assert envelope["webhook_config"] == {"name": "crm", "version": "1.0"}
    fact = envelope["event"]
    assert list(fact)[:7] == [
        "type",
        "uid",
        "subject",
        "sender",
        "timestamp",
        "has_attachments",
        "size",
    ]
    assert (fact["type"], fact["uid"], fact["sender"]) == ("new_message", 42, "ada@example.org")
    assert fact["timestamp"] == MOMENT.timestamp()
    assert (fact["has_attachments"], fact["size"]) == (False, 2048)
    assert fact["webhook_metadata"] == {
        "version": "1.0",
        "timestamp": MOMENT.timestamp(),
        "source": "python-sage-imap",
        "event_id": "evt_1",
    }
    assert "from" not in fact
    assert fact["category"] == "support"
    assert "email_content" not in fact


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        (EventType.MESSAGE_DELETED, "message_deleted"),
        (EventType.MESSAGE_MOVED, "message_moved"),
        (EventType.MAILBOX_RESET, "mailbox_reset"),
        (EventType.ACCOUNT_AUTH_FAILED, "account_auth_failed"),
    ],
)
def test_guide_format_of_other_types(type_: EventType, name: str) -> None:
    """Types that the guide has no name for are named in its way; absent facts stay absent."""
    fact = json.loads(encode(event(type_, uid=1), format="guide", endpoint="crm"))["event"]
    assert (fact["type"], fact["uid"]) == (name, 1)
    assert "sender" not in fact


def test_every_attempt_sends_the_same_bytes() -> None:
    """Nothing in the body depends on when it is made."""
    for shape in ("sage", "guide"):
        assert len({encode(event(a=1), format=shape, endpoint="crm") for _ in range(3)}) == 1
