"""The guide's rules of priority, topic and channels, and who hears of an event."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest

from sage_mail.errors import ConfigError
from sage_mail.patterns import CompleteRealTimeEmailSystem

_CONFIG = {"host": "localhost", "username": "ada", "password": "secret"}


def _event(subject: str = "Hello", sender: str = "ann@example.org") -> dict[str, Any]:
    return {"type": "new_message", "uid": 7, "subject": subject, "sender": sender}


@pytest.mark.parametrize("own", [["YourCompany.com"], ["@yourcompany.com"], "yourcompany.com"])
@pytest.mark.parametrize(
    ("subject", "sender", "priority"),
    [
        ("URGENT: the lamp", "ann@example.org", "high"),
        ("Reply asap", "bob@yourcompany.com", "high"),
        ("Hello", "Bob@YourCompany.com", "medium"),
        ("Hello", "ann@evil-yourcompany.com", "low"),
        ("Hello", "ann@yourcompany.com.evil.example", "low"),
        ("Hello", "ann@sub.yourcompany.com", "low"),
        ("", "", "low"),
    ],
)
def test_priority(own: object, subject: str, sender: str, priority: str) -> None:
    """Urgent words come first, then one's own domains, and no domain that only looks like one."""
    system = CompleteRealTimeEmailSystem({**_CONFIG, "own_domains": own})

    assert system.classify_priority(_event(subject, sender)) == priority


@pytest.mark.parametrize(
    ("subject", "sender", "topic"),
    [
        ("Help with my order", "ann@example.org", "support"),
        ("Your ORDER 7", "noreply@example.org", "sales"),
        ("Meeting at ten", "ann@example.org", "calendar"),
        ("Hello", "NoReply@example.org", "newsletter"),
        ("Hello", "newsletter@example.org", "newsletter"),
        ("Hello", "ann@example.org", "general"),
    ],
)
def test_topic(subject: str, sender: str, topic: str) -> None:
    """The first rule that holds decides."""
    system = CompleteRealTimeEmailSystem(_CONFIG)

    assert system.classify_category(_event(subject, sender)) == topic


def test_channels() -> None:
    """By priority as in the guide; Slack where there is one."""
    system = CompleteRealTimeEmailSystem(_CONFIG)
    slack = {"name": "team", "channel": "slack", "url": "slack://A/B/C"}
    asked = CompleteRealTimeEmailSystem({**_CONFIG, "notifications": [slack]})

    assert system.get_notification_channels({"priority": "high"}) == [
        *("websocket", "push", "email", "sms")
    ]
    assert system.get_notification_channels({"priority": "medium"}) == [
        *("websocket", "push", "email")
    ]
    assert system.get_notification_channels({"priority": "low"}) == ["websocket"]
    assert asked.get_notification_channels({"priority": "high"})[-1] == "slack"
    assert asked.get_notification_channels({"priority": "low"}) == ["websocket"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"own_domain": ["x"]}, "unknown key 'own_domain', did you mean 'own_domains'"),
        ({"notifcations": []}, "unknown key 'notifcations', did you mean 'notifications'"),
        (
            {"notifications": [{"name": "phone", "chanel": "push", "url": "ntfy://h/t"}]},
            r"\[0\] \(\"phone\"\).chanel is not a setting, did you mean 'channel'",
        ),
    ],
)
def test_what_is_misspelt(changes: dict[str, Any], words: str) -> None:
    """A key that means nothing is refused at once, with the right one and without a value."""
    with pytest.raises(ConfigError, match=words) as caught:
        CompleteRealTimeEmailSystem({**_CONFIG, **changes})
    assert "pydantic" not in str(caught.value)
    assert "ntfy://" not in str(caught.value)


def test_keys_of_all_classes() -> None:
    """What the connection, the service or another class of the guide knows is no mistake."""
    CompleteRealTimeEmailSystem(
        {
            **_CONFIG,
            "use_ssl": False,
            "hostname": "h",
            "timeout": 5,
            "ssl_context": None,
            "strict": True,
            "webhooks": {"endpoints": []},
            "routing": {},
            "data_dir": "d",
            "folders": ["INBOX"],
            "model": "m.skops",
            "threshold": 0.7,
            "folder_mapping": {},
            "ca_file": "ca.pem",
        }
    )


class _Recording(CompleteRealTimeEmailSystem):
    """A user's own, which overrides what the guide leaves to the user."""

    def __init__(self, channels: list[str]) -> None:
        super().__init__(_CONFIG)
        self.channels = channels
        self.sent: list[str] = []

    def get_notification_channels(self, event: dict[str, Any]) -> list[str]:
        """Those that the test wants."""
        return self.channels

    def send_push_notification(self, event: dict[str, Any]) -> None:
        """Note it."""
        self.sent.append(f"push {event['subject']}")

    def send_slack_notification(self, event: dict[str, Any]) -> None:
        """Note it."""
        self.sent.append(f"slack {event['subject']}")


def test_overrides() -> None:
    """Methods that were overridden are those that are called; an unknown channel is nobody's."""
    system = _Recording(["websocket", "push", "slack", "pigeon"])
    system.handle_email_event(_event())

    assert system.sent == ["push Hello", "slack Hello"]


def test_nobody_harms_another() -> None:
    """A handler that raises or blocks keeps no event from the others, nor from the caller."""
    heard: queue.Queue[dict[str, Any]] = queue.Queue()
    release = threading.Event()
    system = CompleteRealTimeEmailSystem(_CONFIG)

    def spoil(event: dict[str, Any]) -> None:
        event.clear()
        raise ValueError("no")

    for handler in (spoil, lambda _event: release.wait(60), heard.put):
        system.add_notification_handler(handler)
    try:
        for number in range(3):
            system.handle_email_event({**_event(f"Urgent {number}"), "uid": number})
        events = [heard.get(timeout=20) for _ in range(3)]
        system.handle_email_event({"type": "message_deleted", "uid": 1})
        gone = heard.get(timeout=20)
    finally:
        release.set()
        system.stop_system()

    assert [event["uid"] for event in events] == [0, 1, 2]
    assert {event["priority"] for event in events} == {"high"}
    assert {event["category"] for event in events} == {"general"}
    assert events[0]["notification_channels"] == ["websocket", "push", "email", "sms"]
    assert gone == {"type": "message_deleted", "uid": 1}
