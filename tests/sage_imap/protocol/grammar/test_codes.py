from __future__ import annotations

import pytest

from sage_imap.protocol.events import ResponseCode, UntaggedStatus
from sage_imap.protocol.quirks import Quirks
from sage_imap.protocol.sets import UIDSet
from tests.sage_imap.protocol.grammar.reading import read


def code(data: bytes, quirks: Quirks | None = None) -> ResponseCode:
    event = read(b"* OK [%s] text" % data, quirks=quirks)[0]
    assert isinstance(event, UntaggedStatus)
    assert event.code is not None
    return event.code


@pytest.mark.parametrize(
    ("data", "name", "args"),
    [
        (b"UIDNEXT 4392", "UIDNEXT", (4392,)),
        (b"HIGHESTMODSEQ 9223372036854775807", "HIGHESTMODSEQ", (9223372036854775807,)),
        (b"PERMANENTFLAGS (\\Seen \\*)", "PERMANENTFLAGS", (("\\Seen", "\\*"),)),
        (b"PERMANENTFLAGS ()", "PERMANENTFLAGS", ((),)),
        (b'BADCHARSET (US-ASCII "UTF-8")', "BADCHARSET", (("US-ASCII", "UTF-8"),)),
        (b"MAILBOXID (F1)", "MAILBOXID", ("F1",)),
        (b"METADATA MAXSIZE 9", "METADATA", ("MAXSIZE", 9)),
        (b"METADATA (A) NIL", "METADATA", (("A",), None)),
        (b"REFERRAL imap://a;AUTH=*@b/C", "REFERRAL", ("imap://a;AUTH=*@b/C",)),
        (b"WEBALERT https://a.example/?q=(1)", "WEBALERT", ("https://a.example/?q=(1)",)),
        (b'INPROGRESS ("A1" 1 10)', "INPROGRESS", (("A1", 1, 10),)),
        (b"X-TIDE high 12.40", "X-TIDE", ("high", "12.40")),
        (b'X-TIDE "open', "X-TIDE", ('"open',)),
        (b"MODIFIED 36,40", "MODIFIED", (UIDSet.of([36, 40]),)),
        (b"APPENDUID 38505 3955", "APPENDUID", (38505, UIDSet.of([3955]))),
        (
            b"COPYUID 4417 51,60:61 880:882",
            "COPYUID",
            (4417, UIDSet.of([51, 60, 61]), UIDSet.of([880, 881, 882])),
        ),
        (b"COPYUID 8801  ", "COPYUID", (8801, UIDSet(), UIDSet())),
    ],
)
def test_arguments(data: bytes, name: str, args: tuple[object, ...]) -> None:
    """Arguments have the types that the code promises."""
    found = code(data)
    assert (found.name, found.args) == (name, args)


@pytest.mark.parametrize(
    ("data", "copied"),
    [
        (b"1 51,60:61 880:882", ((51, 880, 1), (60, 881, 2))),
        (b"1 60:61,51 880:882", ((60, 880, 2), (51, 882, 1))),
        (b"1 5:8 31,40:42", ((5, 31, 1), (6, 40, 3))),
        (b"1 8:5 31:34", ((5, 31, 4),)),
        (b"1 1:4294967295 1:4294967295", ((1, 1, 4294967295),)),
        (b"1 5:8 31:33", ()),
        (b"1  ", ()),
    ],
)
def test_pairs_of_copyuid(data: bytes, copied: tuple[tuple[int, int, int], ...]) -> None:
    """Sources and targets are paired as they stand on the wire, and not at all if they differ."""
    assert code(b"COPYUID " + data).copied == copied


@pytest.mark.parametrize("data", [b"COPYUID 1", b"APPENDUID x 1", b"MODIFIED 0", b"COPYUID 1 0 0"])
def test_odd_arguments(data: bytes) -> None:
    """Arguments that are not those of the code are kept as text and counted."""
    quirks = Quirks()
    found = code(data, quirks)
    name, _, rest = data.decode().partition(" ")
    assert (found.name, found.args) == (name, (rest,))
    assert dict(quirks.seen) == {"quirk_odd_code": 1}
