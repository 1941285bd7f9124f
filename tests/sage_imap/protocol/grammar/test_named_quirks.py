from __future__ import annotations

import re
from pathlib import Path

from sage_imap.protocol import grammar
from sage_imap.protocol.quirks import GRAMMAR_QUIRKS


def test_every_quirk_is_listed() -> None:
    """The names that the grammar tolerates are those that are listed, and no others."""
    assert grammar.__file__
    sources = [path.read_text() for path in Path(grammar.__file__).parent.glob("*.py")]
    tolerated = set(re.findall(r'tolerate\(\s*"(quirk_\w+)"', "\n".join(sources)))
    chosen = set(re.findall(r'"(quirk_\w+)" if .* else "(quirk_\w+)"', "\n".join(sources)))
    assert tolerated | {name for names in chosen for name in names} == set(GRAMMAR_QUIRKS)
    assert list(GRAMMAR_QUIRKS) == sorted(GRAMMAR_QUIRKS)
