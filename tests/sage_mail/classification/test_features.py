"""What a linear model sees of a message."""

from __future__ import annotations

from sage_mail.classification.features import Part, features, field_of, readable
from sage_mail.pipeline.decision import Field
from tests.sage_mail.pipeline.drafts import mail

# The bound that the function's docstring gives.
_MOST = 1_500


def test_each_part_gives_its_own() -> None:
    """Words, characters and headers are told apart, and only those asked for are given."""
    message = mail("Broken lamp", "It does not work", headers={"List-Unsubscribe": "<x:y>"})
    words = features(message, [Part.WORDS])
    assert {"s:broken", "s:lamp", "w:work", "w:not work"} <= words
    assert all(feature[0] in "sw" for feature in words)
    assert "c:bro" in features(message, [Part.CHARACTERS])
    assert "h:bulk" in features(message, [Part.HEADERS])
    assert features(message, []) == frozenset()


def test_digits_are_alike() -> None:
    """No model learns a year, an amount or a number."""
    one = features(mail("Order 2002", "It was 17 in 1999"), Part)
    two = features(mail("Order 2031", "It was 42 in 2044"), Part)
    assert one == two


def test_quotes_links_and_identifiers_do_not_count() -> None:
    """What somebody else wrote, an address of the web and a token are no words of the message."""
    text = f"Sure\nhttps://casino.example/win\n{'x' * 40}\n\nOn Monday Kim wrote:\n> lottery prize"
    found = features(mail("Re: x", text), [Part.WORDS])
    assert not {"w:casino", "w:lottery", f"w:{'x' * 40}"} & found


def test_a_monstrous_message_has_few() -> None:
    """What ten megabytes hold beyond the beginning is not looked at."""
    line = " ".join(f"word{number % 9}{chr(97 + number % 26)}" for number in range(2_000))
    text = f"{line}\n" * 800
    assert len(text) > 10_000_000
    monster = features(mail("x" * 100_000, text), Part)
    assert len(monster) <= _MOST
    assert monster == features(mail("x" * 100_000, text[:20_000]), Part)
    html = features(mail("a", html=f"<p>{text}</p>"), Part)
    assert len(html) <= _MOST


def test_nothing_is_fine() -> None:
    """A message without anything has its headers' features at most."""
    assert features(mail("", ""), [Part.WORDS, Part.CHARACTERS]) == frozenset()


def test_features_are_shown_to_people() -> None:
    """The letter of the family becomes the field, and characters show that they are a part."""
    assert (field_of("s:lamp"), readable("s:lamp")) == (Field.SUBJECT, "lamp")
    assert (field_of("w:not work"), readable("w:not work")) == (Field.BODY, "not work")
    assert (field_of("c:amp"), readable("c:amp")) == (Field.BODY, "…amp…")
    assert field_of("h:bulk") == Field.HEADERS
