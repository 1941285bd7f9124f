"""``python -m sage_imap.testing replay CASES.json``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sage_imap.testing.cases import CaseError, load_cases
from sage_imap.testing.replay import replay_case

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb that *arguments* name; 0: all is well, 1: a case failed, 2: misuse."""
    parser = argparse.ArgumentParser(prog="python -m sage_imap.testing", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("replay", help="play transcript cases and compare what comes of them")
    verb.add_argument("cases", type=Path, help="a JSON file of cases")
    options = parser.parse_args(arguments)
    return _replay(options.cases)


def _replay(path: Path) -> int:
    try:
        cases = load_cases(path)
    except (CaseError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    failed = 0
    for case in cases:
        failure = replay_case(case)
        if failure is not None:
            failed += 1
            sys.stdout.write(f"{failure}\n")
    sys.stdout.write(f"{len(cases) - failed} passed, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
