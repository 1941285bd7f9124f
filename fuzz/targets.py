"""What is fuzzed.

A target is a module that begins with its invariant. ``EXAMPLES`` is a Hypothesis strategy and
``check`` raises where an example breaks the invariant; ``from_octets`` makes an example of any
octets, and ``SEEDS`` are octets to begin with, for engines that know of nothing else. `TARGETS`
names them.
"""

from __future__ import annotations

from types import ModuleType

from fuzz import (
    bodystructure,
    connection,
    envelope,
    framing,
    grammar,
    mailbox_names,
    message,
    search,
)

__all__ = ["TARGETS"]

TARGETS: dict[str, ModuleType] = {
    "bodystructure": bodystructure,
    "connection": connection,
    "envelope": envelope,
    "framing": framing,
    "grammar": grammar,
    "mailbox_names": mailbox_names,
    "message": message,
    "search": search,
}
