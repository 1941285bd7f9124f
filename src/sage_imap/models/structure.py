"""The MIME structure of a message as the server describes it, without a body being read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from sage_imap.models.envelope import Envelope

__all__ = ["BodyPart", "Disposition"]


class Disposition(NamedTuple):
    """Content-Disposition: its type in lower case (``attachment``) and its parameters."""

    type: str
    params: dict[str, str]


@dataclass(slots=True, eq=False)
class BodyPart:
    """One part of a message, with its children (RFC 9051 section 7.5.2, BODYSTRUCTURE).

    ``type`` (``text/plain``) and the names of ``params`` are in lower case, ``encoding`` too.
    ``size`` is in octets as encoded and None where the server does not know it, as for a
    multipart; ``lines`` is known for text and messages. ``filename`` is decoded (RFC 2047,
    RFC 2231) from the disposition or else the type. ``parts`` are the children of a multipart,
    ``envelope`` and ``body`` belong to an attached message. It is not frozen, since it is built
    by the thousand; do not change it.
    """

    type: str
    params: dict[str, str] = field(default_factory=dict)
    id: str | None = None
    description: str | None = None
    encoding: str | None = None
    size: int | None = None
    lines: int | None = None
    md5: str | None = None
    disposition: Disposition | None = None
    language: tuple[str, ...] = ()
    location: str | None = None
    filename: str | None = None
    parts: tuple[BodyPart, ...] = ()
    envelope: Envelope | None = None
    body: BodyPart | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BodyPart):
            return NotImplemented
        return all(getattr(self, f.name) == getattr(other, f.name) for f in fields(BodyPart))

    __hash__ = None  # type: ignore[assignment]  # it is mutable, as a dataclass says it

    def __repr__(self) -> str:
        # Names of files and parameters are in no log.
        return f"BodyPart({self.type}, size={self.size}, parts={len(self.parts)})"

    @property
    def is_multipart(self) -> bool:
        """Whether the part is a container, with or without children."""
        return self.type.startswith("multipart/")

    def walk(self) -> Iterator[tuple[str, BodyPart]]:
        """Each part with the section number to fetch it by, parents before their children.

        The root of a multipart has the number ``""``. The parts of an attached message are
        numbered below it (RFC 9051 section 6.4.5.1).
        """
        waiting: list[tuple[str, BodyPart]] = [("" if self.is_multipart else "1", self)]
        while waiting:
            number, part = waiting.pop()
            yield number, part
            waiting.extend(reversed(list(_children(number, part))))


def _children(number: str, part: BodyPart) -> Iterator[tuple[str, BodyPart]]:
    prefix = f"{number}." if number else ""
    for position, child in enumerate(part.parts, start=1):
        yield f"{prefix}{position}", child
    if part.body is None:
        return
    if not part.body.is_multipart:
        yield f"{prefix}1", part.body
        return
    for position, child in enumerate(part.body.parts, start=1):
        yield f"{prefix}{position}", child
