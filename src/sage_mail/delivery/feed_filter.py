"""What a follower of the live feed wants to see, as query parameters say it.

A name or value that nothing can ever match is refused with the nearest right one: a follower that
misspelt its filter would wait for ever and take the silence for peace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from sage_mail.delivery.events import EventType, matches
from sage_mail.errors import FeedRefused
from sage_mail.pipeline.decision import Category
from sage_mail.settings_problems import nearest

if TYPE_CHECKING:
    from sage_mail.delivery.feed import FeedEvent

__all__ = ["FeedFilter"]

_MOST_VALUES: Final = 50
_LONGEST_VALUE: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFilter:
    """The values that are wanted of each fact; an empty tuple wants all.

    ``type`` holds patterns (``message.*``). ``folder`` fits the mailbox of an event, and of a
    message that has moved both the one that it left and the one that it came to.
    """

    type: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()
    category: tuple[str, ...] = ()

    @classmethod
    def parse(
        cls, parameters: Iterable[tuple[str, str]], *, accounts: Collection[str]
    ) -> FeedFilter:
        """The filter that the parameters say, each name as often as it has values.

        Raises:
            FeedRefused: a name, a type, a category or an account is unknown, or there are too many.
        """
        values: dict[str, list[str]] = {name: [] for name in _NAMES}
        for number, (name, value) in enumerate(parameters):
            if name not in values:
                raise FeedRefused(
                    f"{_short(name)} is no filter{nearest(name, _NAMES)}; "
                    f"filters are {', '.join(_NAMES)}"
                )
            if number >= _MOST_VALUES or not 0 < len(value) <= _LONGEST_VALUE:
                raise FeedRefused(
                    f"filters take up to {_MOST_VALUES} values of 1 to {_LONGEST_VALUE} characters"
                )
            values[name].append(value)
        for pattern in values["type"]:
            if not any(matches([pattern], known) for known in EventType):
                raise _unknown("event type", pattern, list(EventType))
        _check("category", values["category"], list(Category))
        _check("account", values["account"], accounts)
        return cls(**{name: tuple(found) for name, found in values.items()})

    def wants(self, event: FeedEvent) -> bool:
        """True if the event fits every fact that the filter names."""
        return (
            (not self.type or matches(self.type, event.type))
            and (not self.account or event.account in self.account)
            and (not self.category or event.category in self.category)
            and (not self.folder or any(name in self.folder for name in event.folders))
        )


_NAMES: Final = tuple(field.name for field in fields(FeedFilter))


def _check(what: str, values: Iterable[str], known: Collection[str]) -> None:
    for value in values:
        if value not in known:
            raise _unknown(what, value, known)


def _unknown(what: str, value: str, known: Collection[str]) -> FeedRefused:
    names = ", ".join(sorted(known)) or "none yet"
    return FeedRefused(
        f"{_short(value)} is no known {what}{nearest(value, known)}; known are {names}"
    )


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:40] + "...")
