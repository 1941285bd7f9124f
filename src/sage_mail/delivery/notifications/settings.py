"""The settings of one notification channel."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, SecretStr, model_validator

from sage_mail.delivery.events import EventType
from sage_mail.delivery.filters import Announced, Conditions
from sage_mail.delivery.notifications.texts import check_digest, check_note
from sage_mail.secrets import SecretSource
from sage_mail.settings_types import (
    TABLE,
    Categories,
    FilePath,
    KeyringEntry,
    Name,
    Seconds,
    at_most_one,
)

__all__ = ["NotificationSettings"]

Priority = Literal["high", "medium", "low"]
Topic = Literal["support", "sales", "calendar", "newsletter", "general"]

# Whom the guide tells of what: a push and an e-mail of all that matters, an SMS of what is urgent.
_USUAL: Final[dict[str, list[Priority]]] = {
    "push": ["high", "medium"],
    "email": ["high", "medium"],
    "sms": ["high"],
    "slack": ["high", "medium"],
}
_SPAN: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])-([01]?[0-9]|2[0-3]):([0-5][0-9])")


def _span(text: str | None) -> str | None:
    if text is not None and _SPAN.fullmatch(text) is None:
        raise ValueError('is no span of hours; write "22:00-07:00"')
    if text is not None and len({edge.zfill(5) for edge in text.split("-")}) == 1:
        raise ValueError("ends when it begins; leave it out, or write when it is quiet")
    return text


def _zone(name: str | None) -> str | None:
    try:
        if name is not None:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f'is no time zone: {name!r}; write one such as "Europe/Berlin"') from error
    return name


class NotificationSettings(BaseModel):
    """A channel: which messages it tells of, to which service, in which words, when and how often.

    ``url`` is an address of Apprise, which names the service and holds its secrets. ``once_within``
    are the seconds within which the same sender's message under the same subject is told once.
    What comes within ``digest`` seconds, counted from midnight, is told together at their end, and
    so is what the quiet hours have held back. Neither holds back the priorities in ``at_once``.
    """

    model_config = TABLE

    name: Name
    channel: Literal["push", "email", "sms", "slack"]
    url: SecretStr | None = None
    url_file: FilePath | None = None
    url_env: str | None = None
    url_keyring: KeyringEntry | None = None
    # Of a Slack that is not slack.com's, or of a proxy before it.
    slack_address: str | None = Field(default=None, repr=False, pattern=r"^https?://\S+$")
    accounts: list[str] = []
    folders: list[str] = []
    categories: Categories = []
    topics: list[Topic] = []
    priorities: list[Priority] | None = None
    title: Annotated[str, AfterValidator(check_note)] = "{{ sender_name or sender }}: {{ subject }}"
    body: Annotated[str, AfterValidator(check_note)] = (
        "{{ category }}, {{ priority }} priority, in {{ folder }} of {{ account }}"
    )
    digest_title: Annotated[str, AfterValidator(check_digest)] = (
        "{{ messages|length }} new messages"
    )
    digest_body: Annotated[str, AfterValidator(check_digest)] = (
        "{% for m in messages %}{{ m.sender_name or m.sender }}: {{ m.subject }}\n{% endfor %}"
    )
    once_within: float = Field(default=300.0, ge=0, allow_inf_nan=False)
    quiet: Annotated[str | None, AfterValidator(_span)] = None
    timezone: Annotated[str | None, AfterValidator(_zone)] = None
    at_once: list[Priority] = ["high"]
    digest: float = Field(default=0.0, ge=0, le=86_400, allow_inf_nan=False)
    most_per_hour: int = Field(default=60, ge=1)
    timeout: Seconds = 30.0
    # With the pauses of `sage_mail.delivery.schedule`: under three hours; then it is no news.
    max_attempts: int = Field(default=5, ge=1, le=100)

    _conditions: Conditions = PrivateAttr()

    def wants(self, event: Announced) -> bool:
        """Whether the event is to be told."""
        return self._conditions.met_by(event) and (
            not self.topics or event.data.get("topic") in self.topics
        )

    def resolve_url(self) -> str:
        """The address, read now from where the settings say; raises `ConfigError`."""
        return self._source().resolve()

    @property
    def quiet_hours(self) -> tuple[time, time] | None:
        """From when to when nobody is to be disturbed; it may be over midnight."""
        match = _SPAN.fullmatch(self.quiet or "")
        if match is None:
            return None
        first, second, third, fourth = map(int, match.groups())
        return time(first, second), time(third, fourth)

    def _source(self) -> SecretSource:
        return SecretSource(
            owner=f'notification "{self.name}"',
            key="url",
            value=self.url,
            file=self.url_file,
            env=self.url_env,
            keyring=self.url_keyring,
        )

    def model_post_init(self, _context: Any, /) -> None:
        """Make of the lists what events are held against."""
        usual = _USUAL[self.channel] if self.priorities is None else self.priorities
        self._conditions = Conditions(
            events=[EventType.MESSAGE_NEW],
            accounts=self.accounts,
            folders=self.folders,
            categories=self.categories,
            priorities=usual,
        )

    @model_validator(mode="after")
    def _one_url(self) -> NotificationSettings:
        at_most_one(self._source())
        if not self._source().given:
            raise ValueError(f"has no url: set one of {self._source().choices}")
        if self.slack_address is not None and self.channel != "slack":
            raise ValueError("has a slack_address and is no slack channel; take it out")
        return self
