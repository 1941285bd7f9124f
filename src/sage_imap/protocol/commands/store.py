"""UID STORE (RFC 9051 section 6.4.6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from typing import Literal as OneOf

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.arguments import flag_list, message_set
from sage_imap.protocol.command import Command
from sage_imap.protocol.extensions.condstore import unchanged_since_modifier
from sage_imap.protocol.sets import UIDSet

__all__ = ["StoreMode", "store"]

StoreMode = OneOf["add", "remove", "replace"]
_ITEMS: Final[dict[str, bytes]] = {"add": b"+FLAGS", "remove": b"-FLAGS", "replace": b"FLAGS"}


def store(
    uids: UIDSet | str,
    flags: str | Iterable[str],
    *,
    mode: StoreMode = "add",
    silent: bool = False,
    unchanged_since: int | None = None,
) -> Command:
    """Change flags of the messages *uids*; *silent* asks not to be told the result.

    With *unchanged_since*, messages whose mod-sequence is above it are left alone, and the
    completion names them in its MODIFIED code.
    """
    if mode not in _ITEMS:
        raise LocalProtocolError("the mode of STORE is add, remove or replace")
    item = _ITEMS[mode] + b".SILENT" * silent
    words = [message_set(uids), item, flag_list(flags)]
    if unchanged_since is None:
        return Command("UID STORE", (b" ".join(words),))
    words.insert(1, unchanged_since_modifier(unchanged_since))
    return Command("UID STORE", (b" ".join(words),), needs=("CONDSTORE",))
