from __future__ import annotations

import pytest

from sage_imap.protocol.events import ListReceived, NamespaceReceived, ParseFailure, StatusReceived
from sage_imap.protocol.quirks import Quirks
from tests.sage_imap.protocol.grammar.reading import read, read_one


def listed(data: bytes, *, utf8: bool = False) -> ListReceived:
    event = read_one(data, utf8=utf8)
    assert isinstance(event, ListReceived), event
    return event


@pytest.mark.parametrize(
    ("data", "name", "raw_name"),
    [
        (b'* LIST () "/" "Inbox"', "INBOX", b"Inbox"),
        (b'* LSUB () "." INBOX.[Tidal].Later', "INBOX.[Tidal].Later", b"INBOX.[Tidal].Later"),
        (b'* LIST () "/" {14}\r\nQuay "North" 7', 'Quay "North" 7', b'Quay "North" 7'),
        (b'* LIST () "/" "a\\"b"', 'a"b', b'a"b'),
        (b'* LIST () "/" "Gr&APwA3w-e"', "Grüße", b"Gr&APwA3w-e"),
        (b'* LIST () "/" "Fish & Chips"', "Fish & Chips", b"Fish & Chips"),
        ('* LIST () "/" "Båt"'.encode(), "Båt", "Båt".encode()),
        (b'* LIST () "/" NIL', "NIL", b"NIL"),
        (b'* LIST () "/" Sent Items', "Sent Items", b"Sent Items"),
    ],
)
def test_names(data: bytes, name: str, raw_name: bytes) -> None:
    """A name is decoded and its octets are kept for the way back."""
    event = listed(data)
    assert (event.name, event.raw_name) == (name, raw_name)


def test_names_in_utf8() -> None:
    """Where UTF-8 is enabled an ampersand is an ampersand."""
    assert listed(b'* LIST () "/" "Gr&APwA3w-e"', utf8=True).name == "Gr&APwA3w-e"


def test_attributes() -> None:
    """Attributes say what a mailbox is for and whether it can be selected."""
    event = listed(b'* LIST (\\HasChildren \\TRASH) "/" "Bin"')
    assert event.attributes == ("\\HasChildren", "\\TRASH")
    assert (event.selectable, event.special_use, event.delimiter) == (True, "trash", "/")
    assert listed(b'* XLIST (\\AllMail) "/" "All"').special_use == "all"
    for attribute in (b"\\noSELECT", b"\\NonExistent"):
        assert not listed(b'* LIST (%s) "/" "x"' % attribute).selectable
    assert not listed(b'* LIST (\\Noselect) "/" ""').selectable
    assert listed(b'* LIST NIL NIL "x"').delimiter is None


def test_extended_data() -> None:
    """OLDNAME and CHILDINFO are told, and what is unknown is passed over."""
    event = listed(
        b'* LIST () "." New ("OLDNAME" ("Old &AOk-") CHILDINFO ("SUBSCRIBED") "X" 3 "Y")'
    )
    assert (event.old_name, event.child_info) == ("Old é", ("SUBSCRIBED",))
    assert listed(b'* LIST () "." New ()').child_info is None


@pytest.mark.parametrize(
    ("data", "quirk"),
    [
        (b'* LIST () "" "x"', "quirk_empty_delimiter"),
        (b'* LIST (\\Sent \\sent) "/" "x"', "quirk_duplicate_attribute"),
        (b'* LIST () "/" x y', "quirk_unquoted_name"),
    ],
)
def test_quirks(data: bytes, quirk: str) -> None:
    """Each oddity is put up with, counted, and costs the response where it is switched off."""
    quirks = Quirks()
    assert isinstance(read(data, quirks=quirks)[0], ListReceived)
    assert dict(quirks.seen) == {quirk: 1}
    assert isinstance(read_one(data, off=[quirk]), ParseFailure)


@pytest.mark.parametrize(
    "data",
    [
        b"* LIST",
        b'* LIST () "/"',
        b'* LIST x "/" "y"',
        b'* LIST () "/" "x" y',
        b'* LIST () "/" (x)',
    ],
)
def test_what_is_no_list(data: bytes) -> None:
    """A LIST that cannot be read names no mailbox."""
    failure = read_one(data)
    assert isinstance(failure, ParseFailure)
    assert failure.response == "LIST"


def test_status() -> None:
    """Counters are numbers, but for those that are not."""
    data = b'* STATUS inBox (messages 4 SIZE 68719476736 APPENDLIMIT NIL MAILBOXID (F1) X "a")'
    assert read_one(data.replace(b' X "a"', b"")) == StatusReceived(
        "INBOX",
        {"MESSAGES": 4, "SIZE": 68719476736, "APPENDLIMIT": None, "MAILBOXID": "F1"},
    )
    assert read_one(b"* STATUS x (MAILBOXID F1)") == StatusReceived("x", {"MAILBOXID": "F1"})


@pytest.mark.parametrize(
    "data",
    [
        b"* STATUS",
        b"* STATUS x",
        b"* STATUS x y",
        b"* STATUS x (MESSAGES)",
        b"* STATUS x (MESSAGES -1)",
        b"* STATUS x (MESSAGES (1 2))",
        b"* STATUS x (MESSAGES 1) (UNSEEN 2)",
    ],
)
def test_what_is_no_status(data: bytes) -> None:
    """A STATUS that cannot be read gives no counter."""
    assert isinstance(read_one(data), ParseFailure)


def test_namespaces() -> None:
    """Namespaces come with their delimiters, and what is left out does not exist."""
    assert read_one(
        b'* NAMESPACE (("" "/")("#a/" NIL "X" ("y"))) NIL (("#all." "."))'
    ) == NamespaceReceived(personal=(("", "/"), ("#a/", None)), shared=(("#all.", "."),))
    assert read_one(b'* NAMESPACE (("INBOX." "."))') == NamespaceReceived((("INBOX.", "."),))
    assert isinstance(read_one(b"* NAMESPACE (x)"), ParseFailure)
    assert isinstance(read_one(b'* NAMESPACE ((""))'), ParseFailure)
