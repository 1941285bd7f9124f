"""HTML bodies: what they show, in bounded time."""

from __future__ import annotations

import pytest

from sage_mail.pipeline.extraction.document import Document


@pytest.mark.parametrize("opening", ["<div>", "<font>", "</p><div>"])
def test_depth_is_bounded(opening: str) -> None:
    """Only what can be parsed in no time is parsed; what stands at the beginning is read."""
    markup = f"<p>Hello</p>{opening * 20_000}<p>Deep</p>"

    assert Document(markup).text == "Hello"


def test_many_lines_are_not_deep() -> None:
    """Void elements and comments open nothing."""
    markup = "<br>a<!-- b --><img src=x>" * 1_500 + "<a href='https://shop.example'>Shop</a>"

    assert [anchor.shown for anchor in Document(markup).links] == ["Shop"]


def test_what_has_no_width_parts_nothing() -> None:
    """A zero-width space within an address is not seen, and not shown."""
    (anchor,) = Document("<a href='/x'>https://b&#8203;ank.example</a>").links

    assert anchor.shown == "https://bank.example"


def test_a_glance_holds_the_same_words() -> None:
    """The text for comparing has no layout, but everything else."""
    document = Document("<style>x</style><table><tr><td>Order</td><td>4711</td></tr></table>")

    assert document.glance.split() == document.text.split() == ["Order", "4711"]
