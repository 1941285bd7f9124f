"""Commands as octets, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.errors import LocalProtocolError
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.protocol import commands as c
from sage_imap.protocol import extensions as x
from sage_imap.protocol.command import Command, Literal, MailboxArgument, Text
from sage_imap.protocol.mailbox_names import decode_utf7
from sage_imap.protocol.sets import UIDSet

NIGHT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone(-timedelta(hours=3, minutes=30)))


def keys(text: str) -> tuple[bytes | Text, ...]:
    """The search keys of *text* as the command takes them."""
    return IMAPSearchCriteria(text).parts


def written(command: Command, *, utf8: bool = False) -> str:
    """The command on the wire, literals as they would be sent."""
    return b"".join(
        piece if isinstance(piece, bytes) else b"{%d}" % len(piece.data) + piece.data
        for piece in command.render(utf8=utf8)
    ).decode("utf-8")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (c.capability(), "CAPABILITY"),
        (c.noop(), "NOOP"),
        (c.logout(), "LOGOUT"),
        (c.starttls(), "STARTTLS"),
        (c.login("ann", 'p"w\\'), r'LOGIN "ann" "p\"w\\"'),
        (c.login("ann", "pä"), 'LOGIN "ann" {3}pä'),
        (c.authenticate("PLAIN"), "AUTHENTICATE PLAIN"),
        (c.authenticate("PLAIN", b"\0a\0b"), "AUTHENTICATE PLAIN AGEAYg=="),
        (c.authenticate("EXTERNAL", b""), "AUTHENTICATE EXTERNAL ="),
        (c.select("INBOX"), 'SELECT "INBOX"'),
        (c.select("Grüße", readonly=True), 'EXAMINE "Gr&APwA3w-e"'),
        (c.select("raw", condstore=True), 'SELECT "raw" (CONDSTORE)'),
        (c.select(decode_utf7(b"Fish & Chips")), 'SELECT "Fish & Chips"'),
        (c.select(decode_utf7(b"\xc3\xbc")), "SELECT {2}ü"),
        (c.create("a/b"), 'CREATE "a/b"'),
        (c.status("x", ["messages", "UIDNEXT"]), 'STATUS "x" (MESSAGES UIDNEXT)'),
        (c.list_mailboxes(), 'LIST "" "*"'),
        (c.list_mailboxes("a/", "%", special_use=True), 'LIST "a/" "%" RETURN (SPECIAL-USE)'),
        (c.append("x", b"hi"), 'APPEND "x" {2}hi'),
        (
            c.append("x", b"hi", flags=["\\Seen", "$Junk"], date=NIGHT),
            'APPEND "x" (\\Seen $Junk) " 3-Feb-2026 04:05:06 -0330" {2}hi',
        ),
        (
            c.append("x", b"", date=datetime(2026, 11, 23, tzinfo=UTC)),
            'APPEND "x" "23-Nov-2026 00:00:00 +0000" {0}',
        ),
        (c.search(), "UID SEARCH ALL"),
        (
            c.search(keys('SUBJECT "a" UNSEEN'), returning=["all"]),
            'UID SEARCH RETURN (ALL) SUBJECT "a" UNSEEN',
        ),
        (c.search(keys("UNSEEN"), changed_since=9), "UID SEARCH MODSEQ 10 UNSEEN"),
        (
            c.search(keys('OR (SUBJECT "a \\"ü") FROM ö SEEN')),
            'UID SEARCH CHARSET UTF-8 OR (SUBJECT {5}a "ü) FROM {2}ö SEEN',
        ),
        (
            c.search((b"UNSEEN SUBJECT ", Text("ü"))),
            "UID SEARCH CHARSET UTF-8 UNSEEN SUBJECT {2}ü",
        ),
        (c.fetch(UIDSet.of([1, 2, 3, 7]), ["UID", "FLAGS"]), "UID FETCH 1:3,7 (UID FLAGS)"),
        (
            c.fetch("7:*", ["BODY.PEEK[1.2.HEADER]<0.512>"], changed_since=8),
            "UID FETCH 7:* (BODY.PEEK[1.2.HEADER]<0.512>) (CHANGEDSINCE 8)",
        ),
        (c.store("1", ["\\Seen"]), "UID STORE 1 +FLAGS (\\Seen)"),
        (c.store("1", [], mode="replace", silent=True), "UID STORE 1 FLAGS.SILENT ()"),
        (
            c.store("1", ["a"], mode="remove", unchanged_since=5),
            "UID STORE 1 (UNCHANGEDSINCE 5) -FLAGS (a)",
        ),
        (c.copy("1:2", "x y"), 'UID COPY 1:2 "x y"'),
        (x.move("1:2", "x"), 'UID MOVE 1:2 "x"'),
        (x.expunge(UIDSet.of([4])), "UID EXPUNGE 4"),
        (x.enable("CONDSTORE", "UTF8=ACCEPT"), "ENABLE CONDSTORE UTF8=ACCEPT"),
        (x.identify(), "ID NIL"),
        (x.identify({"name": "sage", "os": None}), 'ID ("name" "sage" "os" NIL)'),
        (x.idle(), "IDLE"),
        (x.namespace(), "NAMESPACE"),
        (x.unselect(), "UNSELECT"),
    ],
)
def test_commands_on_the_wire(command: Command, expected: str) -> None:
    """Each builder writes what the RFC's grammar says."""
    assert written(command) == expected


def test_with_utf8_in_force() -> None:
    """Names and text go out as UTF-8, and SEARCH names no charset."""
    assert written(c.select("Grüße"), utf8=True) == 'SELECT "Grüße"'
    assert written(c.search(keys('SUBJECT "ü"')), utf8=True) == 'UID SEARCH SUBJECT "ü"'
    assert MailboxArgument(decode_utf7(b"\xff")).render(utf8=True) == Literal(b"\xff")


@pytest.mark.parametrize(
    "item",
    [
        "UID",
        "RFC822.SIZE",
        "X-GM-MSGID",
        "BODY[]",
        "body.peek[text]",
        "BODY.PEEK[HEADER.FIELDS (FROM X-Spam)]",
        "BODY.PEEK[1.HEADER.FIELDS.NOT (TO)]<5.10>",
        "BODY.PEEK[2.MIME]",
        "BINARY.PEEK[1]<0.9>",
        "BINARY.SIZE[1.2]",
        "PREVIEW (LAZY)",
    ],
)
def test_fetch_items(item: str) -> None:
    """Items and sections of the RFCs are taken as they are."""
    assert c.fetch_item(item) == item


@pytest.mark.parametrize(
    "item",
    [
        "",
        "ALL",
        "FLAGS UID",
        "FLAGS)",
        "BODY[",
        "BODY[0]",
        "BODY[HEADER.FIELDS ()]",
        "BODY[HEADER.FIELDS (A\r\nB)]",
        "BODY[]<5>",
        "BODY[]<0.0>",
        "BINARY[TEXT]",
        "FLAGS\r\nA2 LOGOUT",
        "FLÄGS",
    ],
)
def test_what_is_no_fetch_item(item: str) -> None:
    """Anything else is refused, line ends above all."""
    with pytest.raises(LocalProtocolError):
        c.fetch_item(item)


@pytest.mark.parametrize(
    "build",
    [
        lambda: c.login("ann\r\nA2 LOGOUT", "pw"),
        lambda: c.login("ann", "p\0w"),
        lambda: c.login("ann", "\ud83d"),
        lambda: c.select("a\nb"),
        lambda: c.select("\ud83d"),
        lambda: c.select("a\rb"),
        lambda: c.list_mailboxes("", "*\r\n"),
        lambda: c.search(keys("ALL\r\nA2 LOGOUT")),
        lambda: c.search((b"SUBJECT ", Text("\0"))),
        lambda: c.search(returning=["SAVE) ALL"]),
        lambda: c.search(changed_since=-2),
        lambda: c.fetch("", ["UID"]),
        lambda: c.fetch("0", ["UID"]),
        lambda: c.fetch("1 (UID)", ["UID"]),
        lambda: c.fetch("1", []),
        lambda: c.fetch("1", ["UID"], changed_since=0),
        lambda: c.fetch("1", ["UID"], changed_since=1 << 63),
        lambda: c.store("1", ["\\Recent"]),
        lambda: c.store("1", ["two words"]),
        lambda: c.store("1", ["a)"]),
        lambda: c.store("1", ["ü"]),
        lambda: c.store("1", b"\\Seen"),  # type: ignore[arg-type]  # what is tested
        lambda: c.store("1", ["a"], mode="toggle"),  # type: ignore[arg-type]  # what is tested
        lambda: c.append("x", b"", flags=["\\"]),
        lambda: c.append("x", b"", date=datetime(2026, 1, 1)),  # what is tested
        lambda: c.status("x", []),
        lambda: c.status("x", ["MESSAGES)"]),
        lambda: c.authenticate("PLAIN\r\n"),
        lambda: x.enable(),
        lambda: x.enable("A B"),
        lambda: x.identify({"n" * 31: "x"}),
        lambda: x.identify({"n": "x" * 1025}),
        lambda: x.identify({str(n): "x" for n in range(31)}),
        lambda: x.identify({"name": "x\r\n"}),
    ],
)
def test_what_cannot_be_sent(build: Callable[[], Command]) -> None:
    """Values that IMAP cannot say are refused when the command is built."""
    with pytest.raises(LocalProtocolError):
        build()


def test_secrets_are_not_shown() -> None:
    """A command's repr has no argument in it."""
    shown = repr(c.login("ann", "secret")) + repr(c.append("Vault", b"secret")) + repr(Text("ann"))
    assert not any(word in shown for word in ("ann", "secret", "Vault"))


def test_nul_makes_a_message_binary() -> None:
    """A message with NUL is sent as literal8, which text cannot be."""
    assert c.append("x", b"a\0b").parts[-1] == Literal(b"a\0b", binary=True)
    with pytest.raises(LocalProtocolError):
        Literal(b"\0")


def test_long_arguments_become_literals() -> None:
    """A line does not grow without bound."""
    assert Text("x" * 1001).render(utf8=False) == Literal(b"x" * 1001)


def test_needs() -> None:
    """Commands name the capabilities without which they are not sent."""
    assert c.fetch("1", ["MODSEQ"], changed_since=1).needs == ("CONDSTORE",)
    assert c.fetch("1", ["BINARY.PEEK[1]"]).needs == ("BINARY",)
    assert c.status("x", ["SIZE", "HIGHESTMODSEQ"]).needs == ("STATUS=SIZE", "CONDSTORE")
    assert c.list_mailboxes(special_use=True).needs == ("SPECIAL-USE", "LIST-EXTENDED")
    assert x.move("1", "x").needs == ("MOVE",)
    assert c.authenticate("XOAUTH2", b"x").needs == ("AUTH=XOAUTH2", "SASL-IR")
    assert c.search(returning=["ALL"], changed_since=1).needs == ("ESEARCH", "CONDSTORE")


@given(st.text(), st.booleans())
def test_no_text_breaks_out_of_its_line(text: str, utf8: bool) -> None:
    """Whatever a user types is one argument or an error."""
    try:
        pieces = c.login(text, text).render(utf8=utf8)
        pieces += c.search((b"SUBJECT ", Text(text)), returning=["ALL"]).render(utf8=utf8)
        pieces += c.select(text).render(utf8=utf8)
    except LocalProtocolError:
        return
    for piece in pieces:
        if isinstance(piece, bytes):
            assert b"\r" not in piece
            assert b"\n" not in piece
