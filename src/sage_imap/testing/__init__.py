"""Tools for testing against what servers send.

`replay_case` plays the bytes of a recorded server to a `Connection` and compares what it makes of
them; ``python -m sage_imap.testing replay CASES.json`` does so with a whole file. ``... record``
makes such a file of a server of one's own, redacted.
"""

from __future__ import annotations

from sage_imap.testing.cases import Case, CaseError, load_cases
from sage_imap.testing.describe import describe
from sage_imap.testing.replay import Failure, replay_case

__all__ = ["Case", "CaseError", "Failure", "describe", "load_cases", "replay_case"]
