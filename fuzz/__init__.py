"""Fuzzing of what reads a stranger's octets: ``python -m fuzz``.

A target is a module with ``EXAMPLES``, a Hypothesis strategy, and ``check``, which raises where an
example breaks the invariant that the module's docstring states. `TARGETS` names them.
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
