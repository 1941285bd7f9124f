from __future__ import annotations

import pytest

from sage_imap.models.structure import Disposition
from sage_imap.protocol.grammar.parameters import filename_of


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"name": "a.pdf"}, "a.pdf"),
        ({"name": "=?utf-8?q?=C3=A9?="}, "é"),
        ({"name*": "iso-8859-1'en'%e9%20x"}, "é x"),
        ({"name*": "''%c3%a9"}, "é"),
        ({"name*": "100%"}, "100%"),
        ({"name*0": "long ", "name*1": "name"}, "long name"),
        ({"name*0*": "utf-8''%c3", "name*1*": "%a9", "name*2": "%41"}, "é%41"),
        ({"name*1": "no beginning"}, None),
        ({f"name*{n}": "x" for n in range(200)}, "x" * 100),
        ({"charset": "utf-8"}, None),
        ({}, None),
    ],
)
def test_names(params: dict[str, str], name: str | None) -> None:
    """The name of a file is found and decoded in every form that mailers give it."""
    assert filename_of(None, params) == name


def test_the_disposition_comes_first() -> None:
    """The name in the disposition beats the one of the type, if there is one."""
    params = {"name": "type.pdf"}
    assert filename_of(Disposition("inline", {"filename": "file.pdf"}), params) == "file.pdf"
    assert filename_of(Disposition("inline", {"size": "5"}), params) == "type.pdf"
