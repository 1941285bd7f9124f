from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.models.envelope import Envelope
from sage_imap.models.structure import BodyPart, Disposition
from sage_imap.protocol.events import FetchReceived, ParseFailure
from sage_imap.protocol.quirks import Quirks
from tests.sage_imap.protocol.grammar.reading import read, read_item, read_one

TEXT = b'("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" 52 4 NIL NIL NIL NIL)'
PDF = (
    b'("application" "pdf" ("name" "=?utf-8?q?=C3=A9.pdf?=") "<1@x>" "=?utf-8?q?=C3=A9?=" "BASE64" '
    b'900 "md5" ("attachment" ("filename*" "utf-8\'\'%c3%a9.pdf")) ("en" "fr") "there")'
)
MESSAGE = (
    b'("message" "rfc822" NIL NIL NIL "7bit" 903 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) '
    + TEXT
    + b" 21 NIL NIL NIL NIL)"
)
MIXED = (
    b"("
    + TEXT
    + b"("
    + TEXT
    + PDF
    + b' "alternative")'
    + MESSAGE
    + b' "mixed" ("boundary" "b-1") ("inline" NIL) "de" "loc")'
)


def structure(value: bytes) -> BodyPart:
    found = read_item("BODYSTRUCTURE", value)
    assert isinstance(found, BodyPart)
    return found


def odd(value: bytes) -> bytes:
    """The same structure in a form that is not plain."""
    return value[:-1] + b" )"


def test_a_leaf() -> None:
    """Each field of a leaf is in its place and decoded."""
    expected = BodyPart(
        "application/pdf",
        {"name": "=?utf-8?q?=C3=A9.pdf?="},
        "<1@x>",
        "é",
        "base64",
        900,
        None,
        "md5",
        Disposition("attachment", {"filename*": "utf-8''%c3%a9.pdf"}),
        ("en", "fr"),
        "there",
        "é.pdf",
    )
    assert structure(PDF) == expected
    assert structure(odd(PDF)) == expected


def test_a_tree() -> None:
    """Multiparts and attached messages hold their parts, and each has its section number."""
    whole = structure(MIXED)
    assert whole == structure(odd(MIXED))
    assert whole.is_multipart
    assert whole.params == {"boundary": "b-1"}
    assert whole.disposition == Disposition("inline", {})
    assert (whole.language, whole.location, whole.size) == (("de",), "loc", None)
    assert [(number, part.type) for number, part in whole.walk()] == [
        ("", "multipart/mixed"),
        ("1", "text/plain"),
        ("2", "multipart/alternative"),
        ("2.1", "text/plain"),
        ("2.2", "application/pdf"),
        ("3", "message/rfc822"),
        ("3.1", "text/plain"),
    ]
    attached = whole.parts[2]
    assert attached.envelope == Envelope(subject="s", subject_raw="s")
    assert attached.lines == 21
    assert attached.body == structure(TEXT)


def test_section_numbers_below_an_attached_multipart() -> None:
    """A multipart in an attached message has no number of its own, its parts have."""
    inner = b"(" + TEXT + TEXT + b' "mixed")'
    message = MESSAGE.replace(TEXT, inner)
    assert [number for number, _ in structure(message).walk()] == ["1", "1.1", "1.2"]


def test_structures_can_be_copied_and_pickled() -> None:
    """What is decoded lazily survives copying and pickling, and is no key."""
    whole = structure(MIXED)
    assert copy.deepcopy(whole) == whole
    assert pickle.loads(pickle.dumps(structure(MIXED))) == whole
    assert whole != "another"
    assert structure(TEXT) != structure(PDF)
    with pytest.raises(TypeError):
        hash(whole)
    with pytest.raises(AttributeError):
        _ = structure(TEXT).no_such_field  # type: ignore[attr-defined]  # that is the point


def test_parameters_are_not_shared() -> None:
    """Changing the parameters of one part changes no other part."""
    first, second = structure(TEXT), structure(TEXT)
    first.params["charset"] = "x"
    assert second.params == {"charset": "utf-8"}


@pytest.mark.parametrize(
    ("value", "quirk", "expected"),
    [
        (b'(NIL "mixed" NIL NIL)', "quirk_nil_children", BodyPart("multipart/mixed")),
        (
            b'("MIXED" ("BOUNDARY" "q") NIL NIL)',
            "quirk_childless_multipart",
            BodyPart("multipart/mixed", {"boundary": "q"}),
        ),
        (
            b'("AUDIO" NIL NIL NIL "base64" 9)',
            "quirk_missing_subtype",
            BodyPart("audio/octet-stream", encoding="base64", size=9),
        ),
        (
            b'("TEXT" ("CHARSET" "x") NIL NIL "8bit" 9 5)',
            "quirk_missing_subtype",
            BodyPart("text/plain", {"charset": "x"}, encoding="8bit", size=9, lines=5),
        ),
        (
            b'(NIL NIL NIL NIL NIL "8BIT" 77 NIL NIL NIL NIL)',
            "quirk_nil_media_type",
            BodyPart("application/octet-stream", encoding="8bit", size=77),
        ),
        (
            b'("text" NIL NIL NIL NIL "8BIT" 77 3)',
            "quirk_nil_media_type",
            BodyPart("text/plain", encoding="8bit", size=77, lines=3),
        ),
        (
            b'("MESSAGE" "RFC822" NIL NIL NIL "8BIT" 20 NIL ("attachment" NIL))',
            "quirk_basic_message",
            BodyPart(
                "message/rfc822",
                encoding="8bit",
                size=20,
                disposition=Disposition("attachment", {}),
            ),
        ),
        (
            b'("image" "gif" NIL NIL NIL "base64" 6 NIL "inline")',
            "quirk_string_disposition",
            BodyPart("image/gif", encoding="base64", size=6, disposition=Disposition("inline", {})),
        ),
        (
            b"(" + TEXT + b' "mixed" NIL "a sealed note")',
            "quirk_string_disposition",
            BodyPart(
                "multipart/mixed",
                parts=(BodyPart("text/plain", {"charset": "utf-8"}, None, None, "7bit", 52, 4),),
            ),
        ),
        (
            b'("image" "gif" () NIL NIL NIL 6)',
            "quirk_empty_list",
            BodyPart("image/gif", size=6),
        ),
        (
            b'("image" "gif" NIL NIL NIL NIL 6 NIL () NIL)',
            "quirk_empty_list",
            BodyPart("image/gif", size=6),
        ),
        (
            b'("image" "gif" NIL NIL NIL NIL 6 NIL NIL NIL ())',
            "quirk_empty_list",
            BodyPart("image/gif", size=6),
        ),
        (
            b'("image" "gif" NIL NIL NIL NIL -1)',
            "quirk_unknown_size",
            BodyPart("image/gif"),
        ),
        (
            b'("image" "gif" NIL NIL NIL "7bit" NIL)',
            "quirk_unknown_size",
            BodyPart("image/gif", encoding="7bit"),
        ),
        (
            b'("text" "html" NIL NIL NIL "7bit" 5 NIL NIL NIL NIL NIL)',
            "quirk_nil_lines",
            BodyPart("text/html", encoding="7bit", size=5),
        ),
        (
            b'("text" "html" NIL NIL NIL "7bit" 5 NIL ("inline" NIL))',
            "quirk_nil_lines",
            BodyPart("text/html", encoding="7bit", size=5, disposition=Disposition("inline", {})),
        ),
        (
            b'("image" "gif" ("name" "a.gif" "x") NIL NIL "7bit" 6)',
            "quirk_odd_parameters",
            BodyPart(
                "image/gif", {"name": "a.gif", "x": ""}, None, None, "7bit", 6, filename="a.gif"
            ),
        ),
    ],
)
def test_quirks(value: bytes, quirk: str, expected: BodyPart) -> None:
    """Each oddity is read sensibly, counted, and costs the row where it is switched off."""
    quirks = Quirks()
    (row,) = read(b"* 1 FETCH (BODYSTRUCTURE %s)" % value, quirks=quirks)
    assert isinstance(row, FetchReceived)
    assert row.items["BODYSTRUCTURE"] == expected
    assert dict(quirks.seen) == {quirk: 1}
    assert isinstance(read_one(b"* 1 FETCH (BODYSTRUCTURE %s)" % value, off=[quirk]), ParseFailure)


def test_attached_messages_without_an_envelope() -> None:
    """NIL for the envelope, with a structure and lines behind it, is still an attached message."""
    found = structure(b'("message" "rfc822" NIL NIL NIL "7bit" 9 NIL ' + TEXT + b" 21)")
    assert (found.envelope, found.lines, found.body) == (None, 21, structure(TEXT))


def test_languages() -> None:
    """A language is a string or a list of them, and NIL among them is passed over."""
    one = b'("image" "gif" NIL NIL NIL "7bit" 6 NIL NIL %s NIL)'
    for value, languages in ((b'"de"', ("de",)), (b'("de" NIL "fr")', ("de", "fr")), (b"NIL", ())):
        assert structure(one % value).language == languages
        assert structure(odd(one % value)).language == languages


@pytest.mark.parametrize(
    ("found", "replacement"),
    [(b'"rfc822"', b'"x-other"'), (b" 21 NIL", b" x NIL"), (b'"PLAIN"', b"PLAIN")],
)
def test_attached_messages_that_are_not_plain(found: bytes, replacement: bytes) -> None:
    """An odd attached message is read value by value, or costs the row."""
    event = read_one(b"* 1 FETCH (BODYSTRUCTURE %s)" % MESSAGE.replace(found, replacement))
    assert isinstance(event, FetchReceived | ParseFailure)


@pytest.mark.parametrize(
    "value",
    [
        b"17",
        b"()",
        b'"text"',
        b"(())",
        b"(" + TEXT + b")",
        b'("image" "gif" "x" NIL NIL "7bit" 6)',
        b'("image" "gif" NIL NIL NIL "7bit" six)',
        b'("image" "gif" NIL (NIL) NIL "7bit" 6)',
        b'("image" "gif" NIL NIL NIL "7bit" 6 ("x"))',
        b"(" * 20_000 + b'"a"' + b")" * 20_000,
        b"(" * 20_000,
    ],
)
def test_what_is_no_structure(value: bytes) -> None:
    """What is no structure costs its row, however deep it is nested."""
    assert isinstance(read_one(b"* 1 FETCH (BODYSTRUCTURE %s)" % value), ParseFailure)


def test_nesting_of_the_plain_kind() -> None:
    """Real nesting is read and deep nesting costs the row."""

    def nested(depth: int) -> bytes:
        return b"(" * depth + TEXT + b' "mixed")' * depth

    assert structure(nested(60)).type == "multipart/mixed"
    assert isinstance(read_one(b"* 1 FETCH (BODYSTRUCTURE %s)" % nested(5000)), ParseFailure)


QUOTED = st.binary(max_size=8).map(
    lambda raw: (
        b'"' + raw.translate(None, b"\r\n\0").replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    )
)
WORD = st.sampled_from([b'"text"', b'"IMAGE"', b'"x"', b'"message"', b'"RFC822"', b'"Multipart"'])
NSTRING = st.one_of(st.just(b"NIL"), QUOTED)
PARAMS = st.one_of(
    st.just(b"NIL"),
    st.lists(st.tuples(QUOTED, NSTRING), min_size=1, max_size=2).map(
        lambda pairs: b"(" + b" ".join(b" ".join(pair) for pair in pairs) + b")"
    ),
)
NUMBER = st.integers(0, 2**40).map(lambda n: str(n).encode())
DISPOSITION = st.one_of(
    st.just(b"NIL"), st.tuples(WORD, PARAMS).map(lambda p: b"(" + b" ".join(p) + b")")
)
LANGUAGE = st.one_of(
    NSTRING, st.lists(NSTRING, min_size=1).map(lambda words: b"(" + b" ".join(words) + b")")
)
EXTENSIONS = st.tuples(NSTRING, DISPOSITION, LANGUAGE, NSTRING)
HEAD = st.tuples(WORD, WORD, PARAMS, NSTRING, NSTRING, NSTRING, NUMBER)
LEAF = st.tuples(HEAD, st.lists(NUMBER, max_size=1), EXTENSIONS, st.integers(0, 4)).map(
    lambda parts: b"(" + b" ".join([*parts[0], *parts[1], *parts[2][: parts[3]]]) + b")"
)
TREE = st.recursive(
    LEAF,
    lambda inner: st.tuples(
        st.lists(inner, min_size=1, max_size=3), WORD, PARAMS, EXTENSIONS, st.integers(0, 3)
    ).map(
        lambda t: b"(" + b"".join(t[0]) + b" " + b" ".join([t[1], t[2], *t[3][1:][: t[4]]]) + b")"
    ),
    max_leaves=6,
)


@given(TREE)
def test_plain_and_general_reading_agree(value: bytes) -> None:
    """Whatever a structure holds, reading it part by part and value by value gives the same."""
    plain = read_one(b"* 1 FETCH (BODYSTRUCTURE %s)" % value)
    general = read_one(b"* 1 FETCH (BODYSTRUCTURE %s)" % odd(value))
    assert type(plain) is type(general)
    if isinstance(plain, FetchReceived):
        assert plain == general
