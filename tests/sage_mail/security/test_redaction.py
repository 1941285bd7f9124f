"""What is taken out of a value and what stays, at any depth, in bounded time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_mail.security.redaction import REDACTED, redact, redact_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("card 4111 1111 1111 1111 ok", f"card {REDACTED} ok"),
        ("4111-1111-1111-1111", REDACTED),
        ("4111\u00a01111\u00a01111\u00a01111", REDACTED),
        ("amex 378282246310005.", f"amex {REDACTED}."),
        ("ref 1234 4111 1111 1111 1111 99", f"ref 1234 {REDACTED} 99"),
        ("4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("at 1700000000000 ms", "at 1700000000000 ms"),
        ("a4111111111111111", "a4111111111111111"),
    ],
)
def test_card_numbers(text: str, expected: str) -> None:
    """What passes Luhn's test and may be a card goes, in groups or not; other numbers stay."""
    assert redact_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ssn 123-45-6789!", f"ssn {REDACTED}!"),
        ("000-00-0000", REDACTED),
        ("536 90 4399", REDACTED),
        ("666 12 3456", "666 12 3456"),
        ("1123-45-6789", "1123-45-6789"),
        ("123-45-67890", "123-45-67890"),
    ],
)
def test_social_security_numbers(text: str, expected: str) -> None:
    """With hyphens it goes, with spaces if it can be one."""
    assert redact_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to DE89370400440532013000.", f"to {REDACTED}."),
        ("IBAN DE89 3704 0044 0532 0130 00 and more", f"IBAN {REDACTED} and more"),
        ("gb82 west 1234 5698 7654 32", REDACTED),
        ("FR14 2004 1010 0505 0001 3M02 606", REDACTED),
        ("XX11 DE89 3704 0044 0532 0130 00", f"XX11 {REDACTED}"),
        ("DE88 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"),
        ("AB12 3456 7890 1234", "AB12 3456 7890 1234"),
    ],
)
def test_bank_accounts(text: str, expected: str) -> None:
    """What the register of IBANs and the check digits allow goes, whatever words follow."""
    assert redact_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ann.b+c@example.org, please", f"write to {REDACTED}, please"),
        ("<a@b.co>;x@y.museum", f"<{REDACTED}>;{REDACTED}"),
        ('"john doe"@example.com', REDACTED),
        ("grüße@bücher.example", REDACTED),
        ("mailto:ann%40example.org", f"mailto:{REDACTED}"),
        ("ann&#64;example.org", REDACTED),
        ("root@[127.0.0.1]", REDACTED),
        ("@handle and a@b", "@handle and a@b"),
        ("3 @ 4.50", "3 @ 4.50"),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    """An address goes, in the ways in which text, URLs and HTML write it."""
    assert redact_text(text) == expected


def test_addresses_stay_on_request() -> None:
    """Without addresses the rest is taken out all the same."""
    assert redact_text("a@example.org 123-45-6789", addresses=False) == f"a@example.org {REDACTED}"


def test_every_text_at_any_depth() -> None:
    """Lists in mappings in lists, and keys too; what is no text is left alone."""
    value = {"a": [{"b": ["x a@example.org", 4111111111111111, None, True]}], "k@example.org": 1.5}
    assert redact(value) == {
        "a": [{"b": [f"x {REDACTED}", 4111111111111111, None, True]}],
        REDACTED: 1.5,
    }


@pytest.mark.parametrize("key", ["sender", "from", "to", "cc", "reply_to"])
def test_people_keep_their_addresses(key: str) -> None:
    """Sender and recipients are facts; a card number in a name is not."""
    people = [{"name": "card 4111 1111 1111 1111", "address": "ann@example.org"}]
    assert redact({key: people}) == {
        key: [{"name": f"card {REDACTED}", "address": "ann@example.org"}]
    }


@pytest.mark.parametrize("shape", ["mapping", "pairs"])
def test_fields_of_a_header(shape: str) -> None:
    """From, To, Cc, Reply-To keep addresses, Message-IDs stay whole, all other fields are text."""
    fields = {
        "From": "Ann <ann@example.org>",
        "Reply-To": "desk@example.org",
        "To": "bob@example.org",
        "Cc": "eve@example.org",
        "Return-Path": "<bounce@example.org>",
        "Message-ID": "<4111111111111111@example.org>",
        "References": "<1@example.org>",
        "Type": "id of ann@example.org",
    }
    expected = {**fields, "Return-Path": f"<{REDACTED}>", "Type": f"id of {REDACTED}"}
    given_, wanted = (
        (fields, expected)
        if shape == "mapping"
        else ([list(pair) for pair in fields.items()], [list(pair) for pair in expected.items()])
    )
    assert redact({"content": {"headers": given_}}) == {"content": {"headers": wanted}}


def test_identifiers_stay() -> None:
    """What says which account, message and file is meant is not text."""
    value = {"account": "ann@example.org", "message_id": "<a@example.org>", "sha256": "4" * 64}
    assert redact(value) == value


def test_what_is_given_stays_as_it_is() -> None:
    """Another endpoint may want the same value unredacted."""
    value = {"body": ["a@example.org"]}
    redact(value)
    assert value == {"body": ["a@example.org"]}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(_JSON)
def test_any_value_keeps_its_shape(value: Any) -> None:
    """Whatever the value is, redacting it twice is redacting it once."""
    once = redact(value)
    assert redact(once) == once


@pytest.mark.parametrize(
    "text",
    ["AA11 ", "a@", "a@b.", "1 ", "4", "a.", '"@a.bc', "123-45-", "4111 ", "AA11", "@a-", "a@a.a."],
)
def test_hostile_text_takes_bounded_time(text: str) -> None:
    """A text made for backtracking takes time in proportion to its length."""
    times = []
    for length in (10_000, 40_000):
        hostile = (text * length)[:length]
        started = time.process_time()
        redact_text(hostile)
        times.append(time.process_time() - started)
    # Four times the text; sixteen times the time would be quadratic.
    assert times[1] < 10 * times[0] + 0.1
