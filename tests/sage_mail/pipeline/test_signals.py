"""What headers and shape say."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sage_mail.pipeline import Category
from sage_mail.pipeline.lexicon import load_model
from sage_mail.pipeline.signals import is_automatic, is_bulk, signals
from sage_mail.pipeline.text import wording
from tests.sage_mail.pipeline.drafts import mail

_WORDS = wording("a few words of a message")
_MEMBERS = {"List-Id": "<l.example>", "List-Post": "<mailto:l@lists.example>"}
_LEAVE = {"List-Unsubscribe": "<https://news.example/leave>"}
_ANSWER = {"In-Reply-To": "<1@mail.example>"}


@pytest.mark.parametrize(
    ("headers", "signal"),
    [
        (_MEMBERS, "discussion"),
        ({**_MEMBERS, **_LEAVE, "Precedence": "list"}, "discussion"),
        ({"X-BeenThere": "l@lists.example", "Precedence": "bulk"}, "discussion"),
        ({"List-Id": "<l.example>", **_ANSWER}, "discussion"),
        (_LEAVE, "bulk"),
        ({"List-Id": "<news.example>", **_LEAVE}, "bulk"),
        ({**_LEAVE, "List-Post": "NO"}, "bulk"),
        ({"Precedence": "Bulk"}, "bulk"),
        ({"Feedback-ID": "1:2:esp"}, "campaign"),
        ({"Auto-Submitted": "auto-replied"}, "automatic"),
        ({"X-Auto-Response-Suppress": "All"}, "automatic"),
        (_ANSWER, "reply"),
        ({"References": "<1@mail.example>"}, "reply"),
        ({"X-Spam-Flag": "YES"}, "flagged_spam"),
    ],
)
def test_headers_tell(headers: Mapping[str, str], signal: str) -> None:
    """Lists, campaigns, programs, answers and filters say so."""
    assert signal in set(signals(mail("A subject", "text", headers=headers), _WORDS))


@pytest.mark.parametrize(
    ("subject", "signal"),
    [
        ("Re: a lamp", "reply_subject"),
        ("AW: eine Lampe", "reply_subject"),
        ("Re[2]: a lamp", "reply_subject"),
        ("Fwd: a lamp", "forward"),
        ("WG: eine Lampe", "forward"),
        ("[Fwd: a lamp]", "forward"),
        ("READ THIS AT ONCE", "shouting"),
        ("Win now!!", "shouting"),
        ("Look younger                 4431XQ", "padded_subject"),
    ],
)
def test_subjects_tell(subject: str, signal: str) -> None:
    """Answers, what is passed on, and what shouts."""
    assert signal in set(signals(mail(subject, "text"), _WORDS))


@pytest.mark.parametrize("subject", ["RE: FYI", "Report of the USA", "Really?", "Forward!", ""])
def test_short_capitals_and_look_alikes_do_not(subject: str) -> None:
    """Three capitals are an abbreviation, and a word that begins like a prefix is a word."""
    found = set(signals(mail(subject, "text"), _WORDS))
    assert not found & {"shouting", "forward"}


@pytest.mark.parametrize(
    ("sender", "signal"),
    [
        ("Shop <no-reply@shop.example>", "no_reply"),
        ("donotreply@shop.example", "no_reply"),
        ("Mail System <MAILER-DAEMON@mx.example>", "bounce"),
    ],
)
def test_senders_tell(sender: str, signal: str) -> None:
    """Addresses that nobody reads."""
    assert signal in set(signals(mail("s", "text", sender=sender), _WORDS))


def test_shapes_tell() -> None:
    """Mail that is all HTML, hardly any text, or an invitation."""
    assert "only_html" in set(signals(mail("s", html="<p>x</p>"), _WORDS))
    assert "hardly_text" in set(signals(mail("s", "x"), wording("x")))
    assert "calendar" in set(signals(mail("s", "x", attach="text/calendar"), _WORDS))


def test_a_plain_letter_gives_no_signal() -> None:
    """The mail of one person to another is told by its words alone."""
    assert list(signals(mail("A lamp", "text"), _WORDS)) == []


def test_every_signal_has_its_weights() -> None:
    """The model knows each signal that there is and no other, and speaks of categories."""
    senders = ("no-reply@a.example", "mailer-daemon@a.example")
    told = {
        *signals(
            mail("FREE FREE FREE          31", html="<p></p>", sender=senders[0]), wording("")
        ),
        *signals(mail("Fwd: x", "x", sender=senders[1], attach="text/calendar"), _WORDS),
        *signals(mail("Re: x", "x", headers={"X-Spam-Flag": "yes"}), _WORDS),
        *signals(mail("x", "x", headers={**_ANSWER, "Auto-Submitted": "auto-replied"}), _WORDS),
        *signals(mail("x", "x", headers=_MEMBERS), _WORDS),
        *signals(mail("x", "x", headers=_LEAVE), _WORDS),
        *signals(mail("x", "x", headers={"X-Campaign": "1", "To": ""}), _WORDS),
    }
    model = load_model()
    assert told == set(model.signals)
    assert {name for weights in model.signals.values() for name in weights} <= set(Category)
    assert set(model.priors) == set(Category)


def test_automatic_and_bulk_can_be_asked_alone() -> None:
    """Auto-Submitted: no is a person (RFC 3834 section 5), and a member of a list is one too."""
    assert is_automatic(mail(headers={"Auto-Submitted": "auto-generated; x=y"}))
    assert not is_automatic(mail(headers={"Auto-Submitted": "no"}))
    assert is_bulk(mail(headers=_LEAVE))
    assert not is_bulk(mail(headers=_MEMBERS))
