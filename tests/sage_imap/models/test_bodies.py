from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sage_imap.models.bodies import Bodies, _choose, choose_bodies
from sage_imap.models.email import EmailMessage


def _multipart(kind: str, *parts: str, boundary: str = "b") -> str:
    lines = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{lines}--{boundary}--\n'


def _read(source: str) -> tuple[str, str, list[str]]:
    message = EmailMessage.from_bytes(source.encode())
    return (
        message.plain_body,
        message.html_body,
        [a.filename or a.content_type for a in message.attachments],
    )


PLAIN = "Content-Type: text/plain\n\nplain"
HTML = "Content-Type: text/html\n\n<p>html"


def test_texts_of_a_mixed_message_are_joined() -> None:
    """Each begins on its own line."""
    assert _read(_multipart("mixed", PLAIN, PLAIN + "2", HTML)) == ("plain\nplain2", "<p>html", [])


def test_an_alternative_gives_one_text_of_each_kind() -> None:
    """The first that is not blank; what is left over is kept as an attachment."""
    calendar = "Content-Type: text/calendar\n\nBEGIN"
    blank = "Content-Type: text/plain\n\n \n"
    assert _read(_multipart("alternative", blank, PLAIN, HTML, calendar)) == (
        "plain",
        "<p>html",
        ["text/plain", "text/calendar"],
    )


def test_a_text_that_is_attached_is_no_body() -> None:
    """The disposition decides."""
    attached = "Content-Disposition: attachment; filename=a.txt\n\nlog"
    assert _read(_multipart("mixed", PLAIN, attached)) == ("plain", "", ["a.txt"])
    assert _read(attached) == ("", "", ["a.txt"])


def test_a_named_text_is_the_body_only_where_it_is_the_first() -> None:
    """Some mailers name the text itself; a second one is a file."""
    named = "Content-Type: text/plain; name=a.txt\n\nnamed"
    assert _read(_multipart("mixed", named)) == ("named", "", [])
    assert _read(_multipart("mixed", PLAIN, named)) == ("plain", "", ["a.txt"])
    assert _read(_multipart("alternative", named, HTML)) == ("named", "<p>html", [])


def test_resources_of_a_related_message_are_attachments() -> None:
    """A text that the root refers to is not the root."""
    style = "Content-Type: text/html\nContent-ID: <s>\n\nframe"
    assert _read(_multipart("related", HTML, style)) == ("", "<p>html", ["text/html"])
    assert _read(_multipart("related", PLAIN, HTML)) == ("plain", "<p>html", [])


def test_an_attached_message_is_an_attachment_as_a_whole() -> None:
    """Its text is not ours."""
    inner = "Content-Type: message/rfc822\n\nSubject: inner\n\ninner"
    message = EmailMessage.from_bytes(_multipart("mixed", PLAIN, inner).encode())
    assert message.plain_body == "plain"
    assert message.attachments[0].is_message
    assert message.attachments[0].content == b"Subject: inner\n\ninner"
    assert _read(_multipart("digest", "\nSubject: a\n\nb"))[2] == ["message/rfc822"]


def test_nested_boundaries_that_begin_alike_are_told_apart() -> None:
    """A boundary is a whole line."""
    inner = _multipart("alternative", PLAIN, HTML, boundary="b2")
    assert _read(_multipart("mixed", inner, PLAIN)) == ("plain\nplain", "<p>html", [])


def test_a_multipart_that_cannot_be_taken_apart_is_text() -> None:
    """Without boundary, with none in sight, or without its end: no text is lost."""
    assert _read("Content-Type: multipart/mixed\n\nhello") == ("hello", "", [])
    assert _read("Content-Type: multipart/mixed; boundary=x\n\nhello") == ("hello", "", [])
    whole = _multipart("mixed", PLAIN, HTML)
    assert _read(whole.replace("--b--", "")) == ("plain", "<p>html\n\n", [])
    assert _read(whole.replace('boundary="b"', "boundary=other")) == ("plain", "<p>html", [])


def test_a_single_part_that_is_no_text_is_an_attachment() -> None:
    """A message may be nothing but a file."""
    assert _read("Content-Type: application/pdf; name=a.pdf\n\n%PDF") == ("", "", ["a.pdf"])
    assert _read("Content-Type: text/calendar\n\nBEGIN") == ("", "", ["text/calendar"])
    assert _read("Content-Type: text/enriched\n\nhello") == ("hello", "", [])
    assert _read("Content-Type: nonsense\n\nhello") == ("hello", "", [])


def test_old_line_ends_are_line_ends() -> None:
    """Bare CR where there is nothing else."""
    assert _read(_multipart("mixed", PLAIN, HTML).replace("\n", "\r")) == ("plain", "<p>html", [])


@given(
    st.sampled_from(("alternative", "mixed", "related")),
    st.lists(
        st.tuples(
            st.sampled_from(("text/plain", "text/html", "text/html; name=a", "image/png")),
            st.sampled_from(
                ("", "Content-Disposition: inline\n", "Content-Disposition: attachment\n")
            ),
            st.sampled_from(("", " ", "text")),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_the_usual_tree_is_read_as_any_other(kind: str, parts: list[tuple[str, str, str]]) -> None:
    """The short way for one plain text and one HTML chooses what the walk chooses."""
    sources = [f"Content-Type: {name}\n{placed}\n{text}" for name, placed, text in parts]
    root = EmailMessage.from_bytes(_multipart(kind, *sources).encode())._root
    assert choose_bodies(root) == _choose(root, Bodies())
