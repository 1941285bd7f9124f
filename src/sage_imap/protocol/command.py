"""What a command is before it becomes octets.

A command is a name and parts. Some parts can only be written once the connection is known: whether
a literal waits for its continuation, and whether names and text go out as UTF-8, depends on what
the server offers and what was enabled. So builders give parts and `Connection.send` renders them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.mailbox_names import encode_name

__all__ = ["Charset", "Command", "Literal", "MailboxArgument", "Part", "Text", "encode_string"]

_LONGEST_QUOTED: Final = 1000  # a line should stay below 8,192 octets (RFC 9051 section 4)


@dataclass(frozen=True, slots=True)
class Literal:
    """Octets that are sent as a literal; ``binary`` ones may hold NUL (RFC 3516)."""

    data: bytes = field(repr=False)
    binary: bool = False

    def __post_init__(self) -> None:
        if not self.binary and b"\0" in self.data:
            raise LocalProtocolError("NUL can only be sent in a binary literal; nothing was sent")


@dataclass(frozen=True, slots=True)
class MailboxArgument:
    """A mailbox name as an argument."""

    name: str = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise LocalProtocolError(
                f"a mailbox name is a text, as list() gives it, not {type(self.name).__name__}; "
                "nothing was sent"
            )
        for utf8 in (False, True):
            self.render(utf8=utf8)

    def render(self, *, utf8: bool) -> bytes | Literal:
        """The name as it is sent where UTF-8 is in force, or where it is not."""
        try:
            return encode_string(encode_name(self.name, utf8=utf8), utf8=utf8)
        except ValueError as error:
            raise LocalProtocolError("the mailbox name has half a surrogate pair") from error


@dataclass(frozen=True, slots=True)
class Text:
    """Text as an argument: quoted if it can be, else a literal in UTF-8."""

    value: str = field(repr=False)

    def __post_init__(self) -> None:
        self.render(utf8=True)

    def render(self, *, utf8: bool) -> bytes | Literal:
        """The text as it is sent where UTF-8 is in force, or where it is not."""
        try:
            return encode_string(self.value.encode(), utf8=utf8)
        except UnicodeEncodeError as error:
            raise LocalProtocolError("the text has half a surrogate pair") from error


@dataclass(frozen=True, slots=True)
class Charset:
    """``CHARSET UTF-8`` and a space, left out where UTF-8 is in force (RFC 6855 section 3)."""

    def render(self, *, utf8: bool) -> bytes:
        """The words as they are sent where UTF-8 is in force, or where it is not."""
        return b"" if utf8 else b"CHARSET UTF-8 "


Part = bytes | Literal | MailboxArgument | Text | Charset


@dataclass(frozen=True, slots=True)
class Command:
    """A command without its tag.

    ``parts`` are written one behind the other, after one space behind the name; they are left out
    of the repr, because passwords and addresses stand in them. ``needs`` names the capabilities
    without which the command is not sent.
    """

    name: str
    parts: tuple[Part, ...] = field(default=(), repr=False)
    needs: tuple[str, ...] = ()

    def render(self, *, utf8: bool) -> list[bytes | Literal]:
        """The command without tag and line end: octets and literals in turn."""
        rendered: list[bytes | Literal] = [self.name.encode("ascii") + (b" " * bool(self.parts))]
        for part in self.parts:
            piece = part if isinstance(part, bytes | Literal) else part.render(utf8=utf8)
            last = rendered[-1]
            if isinstance(piece, bytes) and isinstance(last, bytes):
                rendered[-1] = last + piece
            else:
                rendered.append(piece)
        return rendered


def encode_string(data: bytes, *, utf8: bool) -> bytes | Literal:
    """*data* as a quoted string, or as a literal where it cannot be one.

    Raises `LocalProtocolError` for NUL, CR and LF: no argument has a use for them, and a line end
    that slips into a command is another command.
    """
    if any(octet in data for octet in (b"\0", b"\r", b"\n")):
        raise LocalProtocolError("an argument holds NUL, CR or LF; nothing was sent")
    if len(data) > _LONGEST_QUOTED or not (data.isascii() or (utf8 and _is_utf8(data))):
        return Literal(data)
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
