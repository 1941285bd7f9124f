"""UID SEARCH (RFC 9051 section 6.4.4), plain or with RETURN (RFC 4731)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sage_imap.protocol.command import Charset, Command, Part, Text
from sage_imap.protocol.extensions.condstore import modified_since
from sage_imap.protocol.extensions.esearch import return_options

__all__ = ["search"]


def search(
    criteria: Sequence[bytes | Text] = (b"ALL",),
    *,
    returning: Iterable[str] | None = None,
    changed_since: int | None = None,
) -> Command:
    """Ask for the UIDs of the messages that fit *criteria*.

    *criteria* are the parts of search keys as `IMAPSearchCriteria` has them; text that is not
    ASCII is sent in UTF-8. *returning* holds the options of ESEARCH (``("ALL",)`` for the UIDs as
    one set), None: the server answers with SEARCH. *changed_since* adds that the mod-sequence is
    above it.
    """
    parts: list[Part] = []
    needs: list[str] = []
    if returning is not None:
        parts.append(return_options(returning) + b" ")
        needs.append("ESEARCH")
    if not all(part.value.isascii() for part in criteria if isinstance(part, Text)):
        parts.append(Charset())
    if changed_since is not None:
        parts.append(modified_since(changed_since) + b" ")
        needs.append("CONDSTORE")
    parts.extend(criteria)
    return Command("UID SEARCH", tuple(parts), needs=tuple(needs))
