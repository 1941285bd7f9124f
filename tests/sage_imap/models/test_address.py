from __future__ import annotations

import pytest

from sage_imap.models.address import EmailAddress


@pytest.mark.parametrize(
    ("address", "bare", "formatted"),
    [
        (EmailAddress("", "ann", "quill.example"), "ann@quill.example", "ann@quill.example"),
        (EmailAddress("Ann Lee", "ann", "q.example"), "ann@q.example", "Ann Lee <ann@q.example>"),
        (
            EmailAddress("Lee, Ann", "ann", "q.example"),
            "ann@q.example",
            '"Lee, Ann" <ann@q.example>',
        ),
        (EmailAddress('A "B" \\', "a", "q"), "a@q", '"A \\"B\\" \\\\" <a@q>'),
        (EmailAddress("Jürgen", "jk", "q"), "jk@q", "Jürgen <jk@q>"),
        (EmailAddress("a\r\nBcc: x", "a", "q"), "a@q", '"a Bcc: x" <a@q>'),
        (EmailAddress("", "two words", "q"), "two words@q", '"two words"@q'),
        (EmailAddress("Root", "root", ""), "root", "Root <root>"),
        (EmailAddress("", "", "host"), "@host", "@host"),
    ],
)
def test_forms(address: EmailAddress, bare: str, formatted: str) -> None:
    """The bare address is the text, and a header may hold the formatted one."""
    assert str(address) == address.address == bare
    assert address.formatted == formatted


def test_addresses_are_values() -> None:
    """Equal addresses are one key, and none can be changed."""
    ann = EmailAddress("Ann", "ann", "q")
    assert {ann, EmailAddress("Ann", "ann", "q")} == {ann}
    with pytest.raises(AttributeError):
        ann.name = "x"  # type: ignore[misc]  # that is the point
