"""The words that the writer wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_mail.pipeline.text import body_text, html_text, own_text, subject_text, wording
from tests.sage_mail.pipeline.drafts import mail

_OWN = "Thanks, that works."


@pytest.mark.parametrize(
    "quoted",
    [
        "> the lamp is broken\n> and so on",
        "  > indented, as some mailers do",
        "On Tue, 4 May, Kim <kim@mail.example> wrote:\n> the lamp is broken",
        "On Tue, 4 May 2021 at 10:12, a person with a long name\n<k@mail.example> wrote:\n\n> it",
        "On Tuesday Kim wrote:\nthe lamp is broken, unmarked as in HTML mail",
        "Am 04.05.21 um 10:12 schrieb Kim Muster:\n> die Lampe ist kaputt",
        "Le mar. 4 mai 2021 à 10:12, Kim <kim@mail.example> a écrit :\n> la lampe",
        "El mar, 4 may 2021 a las 10:12, Kim (<kim@mail.example>) escribió:\n> la lámpara",
        "Il giorno mar 4 mag 2021 Kim <kim@mail.example> ha scritto:\n> la lampada",
        "Kim Writer wrote:\n> the lamp",
        "-----Original Message-----\nFrom: Kim\nthe lamp is broken",
        "---------- Forwarded message ---------\nFrom: Kim\nthe lamp is broken",
        "Begin forwarded message:\n\nthe lamp is broken",
        "From: Kim\nSent: Tuesday\nTo: Office\nSubject: Lamp\n\nthe lamp is broken",
        "Von: Kim\nGesendet: Dienstag\nAn: Büro\n\ndie Lampe",
        "De : Kim\nEnvoyé : mardi\n\nla lampe",
        "-- \nKim, Support and Sales",
    ],
)
def test_what_others_wrote_is_left_out(quoted: str) -> None:
    """Quotes, forwarded messages and signatures are not the writer's words."""
    assert own_text(f"{_OWN}\n\n{quoted}") == _OWN
    assert own_text(f"{_OWN}\n\n{quoted}".replace("\n", "\r\n")) == _OWN


def test_answers_below_and_between_quotes_stay() -> None:
    """Who answers below what was asked is heard."""
    text = "On Monday Kim wrote:\n> does it work?\nYes.\n> in blue too?\nNo, sorry."
    assert own_text(text).split("\n") == ["Yes.", "", "No, sorry."]


@pytest.mark.parametrize(
    "text",
    [
        "I read what she wrote: it was good.",
        "From: here to there\nwe walked.",
        "Prices: 3 > 2, and 5 > 4.",
        "A --dashed-- line\n--- and a rule ---\nstay.",
    ],
)
def test_ordinary_sentences_stay(text: str) -> None:
    """What only looks like a quote is the writer's own."""
    assert own_text(text) == text


def test_html_is_read_as_it_is_seen() -> None:
    """Style sheets, scripts, comments and tags are not words; blocks are lines."""
    markup = (
        "<html><head><title>No</title><style>p { color: red }</style></head><body>"
        "<!-- hidden <b>words</b> --><p>Caf&eacute;&nbsp;Nord</p><div>is <b>open</b></div>"
        "<script>alert(1)</script></body></html>"
    )
    assert html_text(markup).split("\n") == ["Café Nord", "is open"]


@pytest.mark.parametrize("opening", ["<style>", "<script>", "<head>", "<!--", "<p"])
def test_an_unclosed_tag_costs_no_more_than_the_rest(opening: str) -> None:
    """What stands before an unclosed tag is read in any case."""
    assert html_text(f"<p>before</p>{opening} after").startswith("before")


def test_an_unclosed_head_does_not_hide_the_mail() -> None:
    """Only comments swallow what follows, as they do in a browser."""
    assert "words" in html_text("<head><p>words</p>")


def test_letters_that_grow_in_lower_case_move_nothing() -> None:
    """A capital dotted I is two characters in lower case."""
    assert html_text("İİİİ<style>x</style><p>words</p>") == "İİİİ\nwords"


def test_the_html_is_read_where_the_plain_text_says_too_little() -> None:
    """A plain part that only advises to use another reader does not hide the message."""
    advice = "Please use a reader that shows HTML."
    assert "invoice" in body_text(mail("s", advice, html="<p>the invoice</p>"))
    assert "invoice" in body_text(mail("s", html="<p>the invoice</p>"))


def test_the_html_is_left_alone_where_there_is_plain_text() -> None:
    """The plain text says the same, and is cheaper to read."""
    assert "invoice" not in body_text(mail("s", "plain words " * 30, html="<p>invoice</p>"))


def test_only_the_beginning_of_a_message_is_read() -> None:
    """A body of megabytes costs no more than one of five kilobytes, a subject likewise."""
    assert len(body_text(mail("s", "word " * 500_000))) <= 5_120
    assert len(subject_text(mail("word " * 5_000))) <= 2_000


def test_words_are_lower_case_and_links_are_none() -> None:
    """Signs that are spoken are words."""
    text = wording("Order #12: 20% off! https://shop.example/support?x=help")
    assert text.joined == " order number 12 20 percent off "
    assert text.count == 6
    assert "support" not in text.unique


@given(st.text(alphabet=st.sampled_from("a>\n-: <!onwrtescibFSs"), max_size=400))
def test_reading_never_fails_and_never_adds(text: str) -> None:
    """Whatever stands in a body, the writer's own text is a part of it."""
    assert len(own_text(text)) <= len(text)
    assert len(html_text(text)) <= len(text)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "unit",
    [
        "<", "<!--", "<style>", "<style", "</style>", "&", "&#", ">", "> ", "\n", " ", "-", "--",
        "on ", "on a\n", "wrote", "schrieb ", "On x schrieb ", "wrote:\n", "On a wrote: \n",
        "From: a\n", "From:\nSent", "http://", "a", "a ", "\u200b", "é", "<br ", "%", "#",
    ],
)  # fmt: skip
def test_hostile_bodies_cost_no_more_than_long_ones(unit: str) -> None:
    """A megabyte of anything is read at once; a quadratic pattern would take minutes."""
    body = unit * (1_000_000 // len(unit))
    own_text(body[:5_120])
    wording(html_text(body))
