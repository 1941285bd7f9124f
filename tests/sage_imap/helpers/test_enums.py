from __future__ import annotations

from sage_imap.helpers.enums import Flag, MessagePart


def test_flags_are_the_text_of_the_wire() -> None:
    """A flag is usable wherever its text is."""
    assert str(Flag.SEEN) == "\\Seen"
    assert Flag("\\Seen") is Flag.SEEN
    assert f"{Flag.JUNK}" == "$Junk"


def test_every_part_of_a_body_is_asked_for_with_peek() -> None:
    """Reading a message never marks it seen."""
    assert str(MessagePart.RFC822) == "BODY.PEEK[]"
    assert all("BODY[" not in part for part in MessagePart)
