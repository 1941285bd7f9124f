"""Measures accuracy on the shared corpora and writes it into the documentation: ``make eval``.

``python bench/evaluate.py [NAME ...]`` writes the sections of these names (of all) between their
markers in ``docs/explanation/accuracy.md``; what stands outside of the markers is left alone. Reads
the corpora below ``SAGE_SHARED`` (default ``../shared``).
"""

from __future__ import annotations

import argparse
import os
import pkgutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from bench import accuracy  # noqa: E402 - found by the line above

_PAGE: Final = _ROOT / "docs" / "explanation" / "accuracy.md"
_TITLE: Final = (
    "# Accuracy\n\nMeasured by `make eval` on corpora of real mail, not typed by hand.\n"
)


def written(page: str, name: str, section: str) -> str:
    """The page with the section between its markers, which are added at the end if missing."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    block = f"{begin}\n{section.strip()}\n{end}"
    before, found, rest = page.partition(begin)
    if not found:
        return f"{page.rstrip()}\n\n{block}\n"
    return before + block + rest.partition(end)[2]


def main() -> int:
    names = [module.name for module in pkgutil.iter_modules(accuracy.__path__)]
    parser = argparse.ArgumentParser(description="Write what was measured into the documentation.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    chosen = parser.parse_args().names or names
    corpora = Path(os.environ.get("SAGE_SHARED", _ROOT.parent / "shared")) / "corpora"
    if not corpora.is_dir():
        print(f"There are no corpora at {corpora}; set SAGE_SHARED.")
        return 1
    for name in chosen:
        section = import_module(f"bench.accuracy.{name}").section(corpora)
        page = _PAGE.read_text("utf-8") if _PAGE.exists() else _TITLE
        _PAGE.write_text(written(page, name, section), encoding="utf-8")
        print(section)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
