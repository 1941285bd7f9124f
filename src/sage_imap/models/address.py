"""A person's address, as headers and envelopes give it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["EmailAddress"]

# RFC 5322 section 3.2.3, and beyond ASCII RFC 6532 section 3.2: what may stand unquoted.
_ATOMS: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~\-]+(?: [\w!#$%&'*+/=?^`{|}~\-]+)*")
_DOT_ATOM: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~\-]+(?:\.[\w!#$%&'*+/=?^`{|}~\-]+)*")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")


class EmailAddress(NamedTuple):
    """An address with the name that stood beside it; ``str()`` is the bare address.

    ``name`` is decoded and empty where there was none, ``mailbox`` is the part before the at
    sign and ``host`` the part after it; each may be empty, since mail is what it is. It is a
    tuple because that is the cheapest immutable object: a mailbox has a hundred thousand of them.
    """

    name: str
    mailbox: str
    host: str

    @property
    def address(self) -> str:
        """``mailbox@host``; the mailbox alone where there is no host."""
        return f"{self.mailbox}@{self.host}" if self.host else self.mailbox

    @property
    def formatted(self) -> str:
        """``Name <mailbox@host>`` as a header may hold it, the bare address without a name.

        Name and mailbox are quoted where RFC 5322 asks for it; characters beyond ASCII stay as
        they are (RFC 6532) and control characters become spaces.
        """
        mailbox = self.mailbox
        if mailbox and not _DOT_ATOM.fullmatch(mailbox):
            mailbox = _quoted(mailbox)
        address = f"{mailbox}@{self.host}" if self.host else mailbox
        if not self.name:
            return address
        name = self.name if _ATOMS.fullmatch(self.name) else _quoted(self.name)
        return f"{name} <{address}>"

    def __str__(self) -> str:
        return self.address


def _quoted(text: str) -> str:
    escaped = _CONTROLS.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
