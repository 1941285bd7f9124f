"""What is taken out of a value and what stays, at any depth, in bounded time."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import stdnum.luhn
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
        ("3782 822463 10005 and 3056 930902 5904", f"{REDACTED} and {REDACTED}"),
        ("411111 1111111111", REDACTED),
        ("statement_4111111111111111.pdf", f"statement_{REDACTED}.pdf"),
        ("card-4111_1111_1111_1111.pdf", f"card-{REDACTED}.pdf"),
        ("?card=4111+1111+1111+1111&x", f"?card={REDACTED}&x"),
        ("\uff14\uff11\uff11\uff11 1111 1111 1111", REDACTED),
        ("> 4111 1111\r\n> 1111 1111", f"> {REDACTED}"),
    ],
)
def test_card_numbers(text: str, expected: str) -> None:
    """What passes Luhn's test and may be a card goes, in groups or not; other numbers stay."""
    assert redact_text(text) == expected


_BETWEEN_GROUPS = [
    *" \t\n",
    *"\u00a0\u2007\u202f",
    *"-\u2010\u2011\u2013\u2212",
    "  ",
    " - ",
    "&nbsp;",
    "&#160;",
    "&#xA0;",
    "&ndash;",
    "%20",
    "%C2%A0",
    "\u200b",
    "</span> <span class='n'>",
    "<wbr>",
    "<!-- -->",
]


@pytest.mark.parametrize("between", _BETWEEN_GROUPS)
def test_what_is_between_groups(between: str) -> None:
    """However the room or the hyphen in a number is written, the number goes, and nothing else."""
    card = f"4111{between}1111 1111{between}1111" if between == "\n" else "4111 1111 1111 1111"
    card = card if between == "\n" else card.replace(" ", between)
    iban = "DE89 3704 0044 0532 0130 00".replace(" ", between)
    for number in (card.replace("\n", " ", 1), iban):
        found = redact_text(f"<td>{number}</td>, x")
        assert re.sub("</?(span|wbr)>", "", found) == f"<td>{REDACTED}</td>, x"


@pytest.mark.parametrize(
    "text",
    [
        "order 302-7654321-1234565",
        "orders 4500-1111-1111 and 4500-1111-1129",
        "parcel 00340434161094015902, 1Z999AA10123456784, 420100019400111899223100001231",
        "call +4930123456 +4915112345678 or 0049 30 12345674",
        "2026-01-31 2026-02-08, 20260131 20260202, 20260131081503",
        "4199.00 5299.00 4399.00 5499.01",
        "4.199,00\t5.299,00\t4.399,00\t5.499,01",
        "4111\n1111\n1111\n1111",
        "<tr><td>4111</td><td>1111</td><td>1111</td><td>1111</td></tr>",
        "4111      1111      1111      1111",
        "4111. Then 1111, 1111: 1111",
        "100\t25\t2500",
        "100  25  2500",
        "192.168.100.100 10.10.10.10",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    """Orders, parcels, telephones, dates, prices and columns of a table are none of these."""
    assert redact_text(text) == text


def test_luhn_is_no_reason_alone() -> None:
    """Numbers that stay above pass Luhn's test: it is their form by which they are told."""
    for number in ("302-7654321-1234565", "4915112345678", "2026013120260202", "20260131081503"):
        assert stdnum.luhn.is_valid(number.replace("-", "")), number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>4111</b> 1111 1111 1111", f"<b>{REDACTED}</b>"),
        (
            "<p>card 4111&nbsp;1111 1111 <b>1111</b></p>",
            f"<p>card {REDACTED}<b></b></p>",
        ),
        ("4111 1111 <b title='1111'>1111 1111</b>", f"{REDACTED}<b></b>"),
        ("4111 1111 <!-- 1111 -->1111 1111", REDACTED),
        ("<span title='123-45-6789'>4111</span>", f"<span title='{REDACTED}'>4111</span>"),
        ("ann<span>@</span>example<wbr>.org", f"{REDACTED}<span></span><wbr>"),
        ("&lt;ann@example.org&gt;", f"&lt;{REDACTED}&gt;"),
        ("4111 1111<br/>1111 1111", f"{REDACTED}<br>"),
        ("&#52;&#49;&#49;&#49; 1111 1111 1111", REDACTED),
    ],
)
def test_html(text: str, expected: str) -> None:
    """Tags within a line and references hide nothing, and what is in a tag is text, too.

    Tags stay, without attributes, so that what begins ends.
    """
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
        ("SSN_078-05-1120.pdf", f"SSN_{REDACTED}.pdf"),
        ("ssn-078-05-1120-scan.txt", f"ssn-{REDACTED}-scan.txt"),
        ("078\u00a005\u00a01120", REDACTED),
        ("078&nbsp;05&nbsp;1120", REDACTED),
        ("078_05_1120", REDACTED),
        ("078\u201105\u20131120", REDACTED),
        ("078-05-\n1120, 078 05\n1120", f"{REDACTED}, {REDACTED}"),
        ("<b>078</b>-05-1120", f"<b>{REDACTED}</b>"),
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
        ("IBANDE89370400440532013000", f"IBAN{REDACTED}"),
        ("DE89 3704 0044\n  0532 0130 00", REDACTED),
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
        ("root@localhost, a@1.2.3.4.", f"{REDACTED}, {REDACTED}."),
        ("a@localhosts", "a@localhosts"),
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


def test_no_key_is_lost() -> None:
    """Two keys that are redacted alike stay two."""
    assert redact({"a@example.org": 1, "b@example.org": 2}) == {REDACTED: 1, f"{REDACTED}'": 2}


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


def _seconds(text: str) -> float:
    started = time.process_time()
    redact_text(text)
    return time.process_time() - started


@pytest.mark.parametrize(
    "text",
    [
        *("AA11 ", "a@", "a@b.", "1 ", "4", "a.", '"@a.bc', "123-45-", "4111 ", "AA11", "@a-"),
        *("a@a.a.", "&#160;", "%20", "<b ", "<!--", "4<b>1</b>", "\u200b", "1\u200b", "DE11 -"),
        *(f"DE11{'a' * 41} ", f"1{chr(0x200B) * 24}", "4111\n", "123 45 6789 "),
    ],
)
def test_hostile_text_takes_bounded_time(text: str) -> None:
    """A text made for backtracking takes time in proportion to its length."""
    times = []
    for length in (10_000, 40_000):
        hostile = (text * length)[:length]
        times.append(min(_seconds(hostile) for _ in range(3)))
    # Four times the text; sixteen times the time would be quadratic.
    assert times[1] < 10 * times[0] + 0.1
