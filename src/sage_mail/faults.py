"""Named points at which a process can be made to die, for the tests that prove that it may.

Where ``SAGE_MAIL_CRASH_AT`` is ``name`` or ``name:n``, the process kills itself (SIGKILL, so that
nothing is cleaned up) when it reaches the point *name* for the n-th time. Otherwise `reach` does
nothing. The points:

``before-commit``
    everything of a batch is written, its transaction is not committed.
``after-commit``
    a batch is committed, none of its actions is carried out.
``after-analysis``
    the attachments of a message are analysed, nothing of it is committed.
``after-move``
    the mail server has answered OK to a MOVE, the journal does not know it yet.
``after-record``, ``after-mark``
    the guide's `IntelligentEmailProcessor` has kept a message's record, has given it the keyword.
``after-post``
    an endpoint has answered a POST, the attempt is not recorded yet.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

__all__ = ["reach"]

_reached: Counter[str] = Counter()


def reach(point: str) -> None:
    """Die here if the environment says so."""
    wish = os.environ.get("SAGE_MAIL_CRASH_AT")
    if wish is None:
        return
    name, _, number = wish.partition(":")
    if name != point:
        return
    _reached[point] += 1
    if _reached[point] == int(number or 1):
        os.kill(os.getpid(), signal.SIGKILL)
