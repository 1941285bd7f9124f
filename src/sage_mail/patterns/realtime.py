"""The guide's ``CompleteRealTimeEmailSystem``: monitor, WebSocket server and notifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import platformdirs

from sage_mail.patterns._telling import Telling
from sage_mail.patterns.listeners import Event, Listeners
from sage_mail.patterns.monitor import RealTimeEmailMonitor
from sage_mail.patterns.websocket_server import EmailWebSocketServer
from sage_mail.telemetry import get_logger

__all__ = ["CompleteRealTimeEmailSystem"]

_log = get_logger(__name__)

_URGENT: Final = ("urgent", "asap", "immediate", "critical", "emergency")
# The first that is found counts; by words of the subject, then of the sender.
_TOPICS: Final = (
    (("support", "help"), "subject", "support"),
    (("order", "invoice"), "subject", "sales"),
    (("meeting", "calendar"), "subject", "calendar"),
    (("newsletter", "noreply"), "sender", "newsletter"),
)
_CHANNELS: Final = {"high": ["push", "email", "sms"], "medium": ["push", "email"]}


class CompleteRealTimeEmailSystem:
    """Watches the inbox of ``config`` and tells of it by every way that there is.

    Beside the keys of the connection ``config`` may have ``own_domains`` (whose mail has medium
    priority; the guide writes one into its code), ``notifications`` (a list of channels with the
    keys of ``[[notifications]]`` in the configuration file) and ``data_dir``, where what is to be
    sent is kept until it was. Without ``notifications`` nobody is notified but by WebSocket.

    Handlers are called in threads of their own, so that one that raises or blocks harms nobody.

    Raises `ConfigError` for a key that means nothing, and for a channel that cannot be used.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        # Imported late, since the settings know the storage, and loading that takes a while.
        from sage_mail.mapping import channels_of, require_known_keys

        require_known_keys(config)
        self.config = config
        self._channels = channels_of(config.get("notifications") or [])
        self.email_monitor = RealTimeEmailMonitor(config)
        self.websocket_server = EmailWebSocketServer()
        self.notification_handlers: list[Callable[[Event], object]] = []
        own = config.get("own_domains", ())
        self._own = tuple(
            "@" + domain.lower().lstrip("@") for domain in ([own] if isinstance(own, str) else own)
        )
        self._listeners = Listeners()
        self._telling: Telling | None = None

    def add_notification_handler(self, handler: Callable[[Event], object]) -> None:
        """Let the handler be called with each event from now on."""
        self.notification_handlers.append(handler)

    def start_system(self) -> None:
        """Begin to serve, to notify and to watch, in the background.

        Raises:
            AlreadyRunning: another process notifies from the same ``data_dir``.
            ConfigurationError: ``config`` cannot be used to connect.
            OSError: the address of the WebSocket server cannot be used.
        """
        if self._channels:
            folder = self.config.get("data_dir") or platformdirs.user_data_path("sage-mail")
            self._telling = Telling(Path(folder) / "realtime", self._channels)
        self.websocket_server.start_server()
        try:
            if self._telling is not None:
                self._telling.start()
            if self.handle_email_event not in self.email_monitor.callbacks:
                self.email_monitor.add_callback(self.handle_email_event)
            self.email_monitor.start_idle_monitoring()
        except BaseException:
            self.stop_system()
            raise
        _log.info("realtime_system_started", channels=len(self._channels))

    def handle_email_event(self, event: Event) -> None:
        """Say what a new mail is, and pass the event on to everybody.

        ``priority``, ``topic``, ``category`` (the same, by the guide's name) and
        ``notification_channels`` are added to the event.
        """
        if event["type"] == "new_message":
            event["priority"] = self.classify_priority(event)
            event["topic"] = event["category"] = self.classify_category(event)
            event["notification_channels"] = self.get_notification_channels(event)
        if self.websocket_server.server is not None:
            self.websocket_server.send_notification(event)
        for handler in tuple(self.notification_handlers):
            self._listeners.call(handler, event)
        self.send_platform_notifications(event)

    def classify_priority(self, event: Event) -> str:
        """``high`` by the words of the subject, ``medium`` from one's own domains, else ``low``."""
        subject, sender = event["subject"].lower(), event["sender"].lower()
        if any(word in subject for word in _URGENT):
            return "high"
        return "medium" if sender.endswith(self._own) else "low"

    def classify_category(self, event: Event) -> str:
        """The topic: ``support``, ``sales``, ``calendar``, ``newsletter`` or ``general``."""
        for words, place, topic in _TOPICS:
            text = event[place].lower()
            if any(word in text for word in words):
                return topic
        return "general"

    def get_notification_channels(self, event: Event) -> list[str]:
        """The channels by the priority: always ``websocket``, then ``push``, ``email``, ``sms``.

        ``slack`` follows these where ``notifications`` has one.
        """
        chosen = list(_CHANNELS.get(event["priority"], ()))
        if chosen and any(each.channel == "slack" for each in self._channels):
            chosen.append("slack")
        return ["websocket", *chosen]

    def send_platform_notifications(self, event: Event) -> None:
        """Notify by each of the event's channels."""
        senders = {
            "push": self.send_push_notification,
            "email": self.send_email_notification,
            "sms": self.send_sms_notification,
            "slack": self.send_slack_notification,
        }
        for channel in event.get("notification_channels", []):
            if channel in senders:
                senders[channel](event)

    def send_push_notification(self, event: Event) -> None:
        """Hand the event to the push channels; it is sent, and tried again, in the background."""
        self._send("push", event)

    def send_email_notification(self, event: Event) -> None:
        """Hand the event to the channels of kind ``email``."""
        self._send("email", event)

    def send_sms_notification(self, event: Event) -> None:
        """Hand the event to the channels of kind ``sms``."""
        self._send("sms", event)

    def send_slack_notification(self, event: Event) -> None:
        """Hand the event to the channels of kind ``slack``."""
        self._send("slack", event)

    def stop_system(self) -> None:
        """End everything; what has not been sent is sent after the next start."""
        self.email_monitor.stop_monitoring()
        self.websocket_server.stop_server()
        telling, self._telling = self._telling, None
        if telling is not None:
            telling.stop()
        self._listeners.end()
        _log.info("realtime_system_stopped")

    def _send(self, channel: str, event: Event) -> None:
        if self._telling is None or not self._telling.tell(channel, event):
            _log.debug("channel_unset", channel=channel)
