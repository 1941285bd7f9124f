"""From a logical folder to one that is there.

A logical name has "/" between its levels, and ``INBOX/Support`` means "Support, below what is the
user's own": below INBOX where INBOX takes children, beside it where it does not. The server's
namespace (RFC 2342) says how that is spelt: ``INBOX.Support`` where the personal prefix is
``INBOX.``, whatever the delimiter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sage_imap.errors import CommandRejected, LocalProtocolError
from sage_imap.models.results import ListedMailbox
from sage_imap.operations.effects import Operation
from sage_imap.operations.mailboxes import create, list_mailboxes, namespace
from sage_imap.operations.session import Session
from sage_imap.protocol.events import NamespaceReceived

__all__ = ["candidates", "ensure_folder", "find_folder", "folder_for"]


def ensure_folder(session: Session, logical: str) -> Operation[str]:
    """The name on the server of the folder *logical*; it is created where it is missing.

    Raises what the server answered where none of its possible names could be created.
    """
    names = candidates(logical, (yield from namespace(session)))
    found = yield from _first_listed(session, names)
    if found is not None:
        return found
    inbox = yield from _listed(session, "INBOX")
    refused: CommandRejected | None = None
    for name in names:
        if inbox is not None and _below_inbox(name, inbox) and not _takes_children(inbox):
            continue
        try:
            yield from create(session, name)
        except CommandRejected as error:
            refused = error
        else:
            return name
    if isinstance(refused, CommandRejected):
        # Somebody else may have been faster, and not all servers say ALREADYEXISTS.
        found = yield from _first_listed(session, names)
        if found is not None:
            return found
        raise refused
    raise LocalProtocolError(f"no name on this server fits the folder {logical!r}")


def find_folder(session: Session, logical: str) -> Operation[str | None]:
    """The name on the server of the folder *logical*, None where it is not there."""
    names = candidates(logical, (yield from namespace(session)))
    return (yield from _first_listed(session, names))


def folder_for(session: Session, name: str, *, create_missing: bool) -> Operation[str]:
    """The folder that *name* means: as the server spells it, else as a logical name.

    Where it is missing it is made, or, without *create_missing*, *name* is given back, so that the
    command that needs it is answered with TRYCREATE.
    """
    if (yield from _listed(session, name)) is not None:
        return name
    space = yield from namespace(session)
    delimiter = space.personal[0][1] if space.personal else "/"
    if delimiter is None or delimiter == "/" or delimiter not in name or "/" in name:
        if create_missing:
            return (yield from ensure_folder(session, name))
        return (yield from find_folder(session, name)) or name
    if create_missing:
        yield from _create_unless_there(session, name)
    return name


def _create_unless_there(session: Session, name: str) -> Operation[None]:
    """Create *name*; somebody else may have been faster, and not all servers say ALREADYEXISTS."""
    try:
        yield from create(session, name)
    except CommandRejected:
        if (yield from _listed(session, name)) is None:
            raise


def candidates(logical: str, space: NamespaceReceived) -> list[str]:
    """The names that *logical* may have, the best first, each once."""
    return list(dict.fromkeys(_spellings(logical, space)))


def _spellings(logical: str, space: NamespaceReceived) -> Iterator[str]:
    if not isinstance(logical, str):
        raise LocalProtocolError(f"a folder's name is a text, not {type(logical).__name__}")
    prefix, delimiter = space.personal[0] if space.personal else ("", "/")
    levels = [level for level in logical.split("/") if level]
    if not levels:
        raise LocalProtocolError("a folder's name is empty")
    if delimiter and any(delimiter in level for level in levels):
        levels = [level.replace(delimiter, "_") for level in levels]
    glue = delimiter or "_"
    if len(levels) == 1 and levels[0].upper() == "INBOX":
        yield "INBOX"
        return
    below_inbox = levels[0].upper() == "INBOX"
    own = levels[1:] if below_inbox else levels
    if prefix:
        yield prefix + glue.join(own)
    if below_inbox:
        yield glue.join(["INBOX", *own])
    if not prefix:
        yield glue.join(own)


def _first_listed(session: Session, names: Sequence[str]) -> Operation[str | None]:
    for name in names:
        if (yield from _listed(session, name)) is not None:
            return name
    return None


def _listed(session: Session, name: str) -> Operation[ListedMailbox | None]:
    # "%" and "*" are wildcards of LIST; a folder that has them in its name is found all the same,
    # since the answer is compared.
    found = yield from list_mailboxes(session, "", name)
    for mailbox in found:
        if mailbox.name == name and mailbox.selectable:
            return mailbox
    return None


def _below_inbox(name: str, inbox: ListedMailbox) -> bool:
    return bool(inbox.delimiter) and name.upper().startswith(f"INBOX{inbox.delimiter}")


def _takes_children(inbox: ListedMailbox) -> bool:
    return not any(word.lower() == "\\noinferiors" for word in inbox.attributes)
