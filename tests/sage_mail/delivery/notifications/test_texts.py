"""The words of a notification."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from sage_mail.delivery.filters import facts_of
from sage_mail.delivery.notifications.settings import NotificationSettings
from sage_mail.delivery.notifications.texts import NAMES, Note, note_of
from tests.sage_mail.delivery.samples import event, new_event

_FACTS: dict[str, Any] = {
    "subject": "The lamp",
    "priority": "high",
    "category": "support",
    "from": {"name": "Ada", "address": "ada@example.org"},
}


def _settings(**changes: Any) -> NotificationSettings:
    return NotificationSettings.model_validate(
        {"name": "phone", "channel": "push", "url": SecretStr("ntfy://h/t"), **changes}
    )


def test_the_usual_words() -> None:
    """Who writes and about what; of several how many, and each in a line."""
    unnamed = {**_FACTS, "from": {"name": "", "address": "bob@example.org"}, "priority": "low"}
    assert note_of(_settings(), [event(**_FACTS)]) == Note(
        "Ada: The lamp", "support, high priority, in INBOX of work", urgent=True
    )
    assert note_of(_settings(), [event(**unnamed), event(**unnamed)]) == Note(
        "2 new messages", "bob@example.org: The lamp\nbob@example.org: The lamp"
    )


def test_what_strangers_write_stays_a_value() -> None:
    """It is no template, breaks no line of the title, and what is too long ends with a sign."""
    facts = {**_FACTS, "subject": "{{ 7*7 }}\r\nBcc: all@example.org\u2028" + "x" * 9_000}
    settings = _settings(title="{{ subject }}", body="{{ subject }}")
    note = note_of(settings, [event(**facts)])

    assert note.title.startswith("{{ 7*7 }}  Bcc: all@example.org x")
    assert (len(note.title), note.title[-1]) == (250, "…")
    assert (len(note.body), note.body[-1]) == (3_000, "…")


@pytest.mark.parametrize("key", ["title", "body", "digest_title", "digest_body"])
@pytest.mark.parametrize("text", ["{{ subject", "{% for %}", "{{ subject|nosuch }}"])
def test_no_template(key: str, text: str) -> None:
    """What is no template is refused when the settings are read, with the place."""
    with pytest.raises(ValidationError, match=r"is no template: .* in line 1"):
        _settings(**{key: text})


@pytest.mark.parametrize("key", ["title", "body"])
@pytest.mark.parametrize(
    "text", ["{{ subjct }}", "{% if subjct %}x{% endif %}", "{{ subjct|upper }}"]
)
def test_a_name_that_no_message_has(key: str, text: str) -> None:
    """It is refused when the settings are read, with the nearest that there is."""
    with pytest.raises(ValidationError, match="unknown name 'subjct', did you mean 'subject'"):
        _settings(**{key: text})


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("{{ mesages|length }}", "'mesages', did you mean 'messages'"),
        ("{{ subject }}", "'subject'; known are messages"),
        ("{% for m in messages %}{{ m.subjct }}{% endfor %}", "'subjct', did you mean 'subject'"),
    ],
)
def test_a_name_that_no_digest_has(text: str, guess: str) -> None:
    """There is a list of messages, each of which has the names of one."""
    with pytest.raises(ValidationError, match=guess):
        _settings(digest_body=text)


def test_names_that_there_are() -> None:
    """All facts of a message, what the template itself sets, functions of Jinja and of mappings."""
    facts = facts_of(new_event()).keys()
    assert facts - NAMES == set()
    body = "".join(f"{{{{ {name} }}}}" for name in sorted(NAMES))
    _settings(body=body + "{% set own = 1 %}{{ own }}{% for n in range(2) %}{{ n }}{% endfor %}")
    _settings(
        digest_body="{% for m in messages %}{{ m.get('subject') }}{{ loop.index }}{% endfor %}"
    )


@pytest.mark.parametrize(
    "text", ["{{ subject.__class__.__mro__ }}", "{{ 1 // 0 }}", "{{ subject.format() }}"]
)
@pytest.mark.parametrize("subject", ["{x}", "{0}", "{0.y.z}", "{"])
def test_a_template_that_fails(text: str, subject: str) -> None:
    """The sandbox, and whatever else goes wrong, is one error that quotes nothing."""
    with pytest.raises(ValueError, match=r"^the template failed with \w+Error$"):
        note_of(_settings(body=text), [event(**{**_FACTS, "subject": subject})])


def test_more_messages_than_there_is_room_for() -> None:
    """A text of many ends with a whole line, and says how many more there are."""
    events = [event(**{**_FACTS, "subject": f"{n} {'x' * 40}"}) for n in range(150)]
    note = note_of(_settings(), events)
    *lines, last = note.body.split("\n")

    assert note.title == "150 new messages"
    assert last == f"and {150 - len(lines)} more"
    assert lines == [f"Ada: {n} {'x' * 40}" for n in range(len(lines))]
    assert 3_000 - 60 < len(note.body) <= 3_000


def test_a_first_message_that_takes_all_the_room() -> None:
    """It is cut, and the others are counted all the same."""
    note = note_of(_settings(), [event(**{**_FACTS, "subject": "x" * 4_000})] * 3)

    assert note.body.endswith("x…\nand 2 more")
    assert len(note.body) == 3_000
