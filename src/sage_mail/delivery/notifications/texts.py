"""The words of a notification: templates over the facts of messages.

Templates are the user's own, but subjects and names are strangers': they are values and never
become part of a template, and the sandbox lets none of them do more than be read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sage_mail.delivery.filters import Announced, facts_of

if TYPE_CHECKING:
    from sage_mail.delivery.notifications.settings import NotificationSettings

__all__ = ["Note", "Template", "note_of"]

# Services cut longer ones off, each at another place; an SMS has 160.
_LONGEST_TITLE: Final = 250
_LONGEST_BODY: Final = 3_000
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
            self._template = environment.from_string(text)
        except TemplateSyntaxError as error:
            raise ValueError(f"is no template: {error.message} in line {error.lineno}") from error

    def render(self, values: Mapping[str, Any]) -> str:
        """The text with the values in it; raises ValueError where they do not fit."""
        try:
            return self._template.render(values)
        except Exception as error:  # templates do what their authors like
            raise ValueError(f"the template failed with {type(error).__name__}") from error


def note_of(settings: NotificationSettings, events: Sequence[Announced]) -> Note:
    """What the channel says of these messages, of several in one text; raises ValueError."""
    facts = [facts_of(event) for event in events]
    if len(facts) == 1:
        title = Template(settings.title).render(facts[0])
        body = _body(Template(settings.body), facts[0])
    else:
        title = Template(settings.digest_title).render({"messages": facts})
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
        text = _body(template, {"messages": facts[:count]})
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
