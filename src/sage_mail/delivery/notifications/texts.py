"""The words of a notification: templates over the facts of messages.

Templates are the user's own, but subjects and names are strangers': they are values and never
become part of a template, and the sandbox lets none of them do more than be read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sage_mail.delivery.expressions import VARIABLES
from sage_mail.delivery.filters import Announced, facts_of
from sage_mail.settings_problems import nearest

if TYPE_CHECKING:
    from sage_mail.delivery.notifications.settings import NotificationSettings

__all__ = ["NAMES", "Note", "Template", "check_digest", "check_note", "note_of"]

# Services cut longer ones off, each at another place; an SMS has 160.
_LONGEST_TITLE: Final = 250
_LONGEST_BODY: Final = 3_000
_MESSAGES: Final = "messages"
# The facts of `message.new` and of the events of `sage_mail.patterns`, and what `facts_of` adds.
NAMES: Final = frozenset(VARIABLES) | {
    *("attachments", "date", "extracted", "from", "id", "mailbox", "message_id", "moved"),
    *("notification_channels", "received_at", "target_folder", "timestamp", "truncated", "type"),
    *("uid", "uidvalidity"),
}
_CONTROLS: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Note:
    """What is said: a title of one line, a text, and whether it is urgent."""

    title: str
    body: str
    urgent: bool = False


class Template:
    """A text of Jinja; raises ValueError, with what is wrong and where, for one that is none."""

    def __init__(self, text: str) -> None:
        # Imported late, since it takes a while and few commands need it.
        from jinja2 import TemplateSyntaxError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(autoescape=False)
        try:
            self._tree = environment.parse(text)
            self._template = environment.from_string(text)
        except TemplateSyntaxError as error:
            raise ValueError(f"is no template: {error.message} in line {error.lineno}") from error

    def names(self) -> set[str]:
        """The names whose values it takes from what it is given."""
        from jinja2 import meta

        return (
            meta.find_undeclared_variables(self._tree) - self._template.environment.globals.keys()
        )

    def names_within(self, name: str) -> set[str]:
        """What it takes of each entry of the list *name*, where it goes through it in a loop."""
        from jinja2 import nodes

        return {
            taken.attr
            for loop in self._tree.find_all(nodes.For)
            if isinstance(loop.iter, nodes.Name) and loop.iter.name == name
            for taken in loop.find_all(nodes.Getattr)
            if isinstance(taken.node, nodes.Name) and isinstance(loop.target, nodes.Name)
            if taken.node.name == loop.target.name
        }

    def render(self, values: Mapping[str, Any]) -> str:
        """The text with the values in it; raises ValueError where they do not fit."""
        try:
            return self._template.render(values)
        except Exception as error:  # templates do what their authors like
            raise ValueError(f"the template failed with {type(error).__name__}") from error


def check_note(text: str) -> str:
    """The text, a template for one message; raises ValueError for one that is none.

    A name that no message has is told with the nearest that it has.
    """
    _require_known(Template(text).names(), NAMES)
    return text


def check_digest(text: str) -> str:
    """The text, a template for several messages; raises ValueError as `check_note` does."""
    template = Template(text)
    _require_known(template.names(), {_MESSAGES})
    _require_known(template.names_within(_MESSAGES) - set(dir(dict)), NAMES)
    return text


def _require_known(names: Iterable[str], known: Collection[str]) -> None:
    for name in sorted(set(names) - set(known)):
        raise ValueError(
            f"has an unknown name {name!r}{nearest(name, known)}; "
            f"known are {', '.join(sorted(known))}"
        )


def note_of(settings: NotificationSettings, events: Sequence[Announced]) -> Note:
    """What the channel says of these messages, of several in one text; raises ValueError."""
    facts = [facts_of(event) for event in events]
    if len(facts) == 1:
        title = Template(settings.title).render(facts[0])
        body = _body(Template(settings.body), facts[0])
    else:
        title = Template(settings.digest_title).render({_MESSAGES: facts})
        body = _digest(Template(settings.digest_body), facts)
    return Note(
        title=_cut(_clean(title).replace("\n", " "), _LONGEST_TITLE),
        body=_cut(body, _LONGEST_BODY),
        urgent=any(fact.get("priority") == "high" for fact in facts),
    )


def _clean(text: str) -> str:
    return _CONTROLS.sub(" ", text)


def _body(template: Template, values: Mapping[str, Any]) -> str:
    return _clean(template.render(values)).strip()


def _digest(template: Template, facts: Sequence[Mapping[str, Any]]) -> str:
    """What is said of the first messages, as many as there is room for, and how many more came."""

    def first(count: int) -> str:
        text = _body(template, {_MESSAGES: facts[:count]})
        more = f"\nand {len(facts) - count} more" if count < len(facts) else ""
        return f"{_cut(text, _LONGEST_BODY - len(more))}{more}" if count == 1 else text + more

    whole = first(len(facts))
    if len(whole) <= _LONGEST_BODY:
        return whole
    counts = range(2, len(facts))
    fitting = bisect_right(counts, _LONGEST_BODY, key=lambda count: len(first(count)))
    return first(1 + fitting)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
