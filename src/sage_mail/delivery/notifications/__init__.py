"""Notifications: what people are told of new mail, by push, e-mail, SMS, Slack and the like.

A channel is an endpoint of the outbox like any other; instead of posting signed events, its drain
writes a short text and hands it to a service, by way of Apprise.
"""

from __future__ import annotations

from sage_mail.delivery.notifications.channel import Channel, service_of
from sage_mail.delivery.notifications.drain import NotificationDrain
from sage_mail.delivery.notifications.settings import NotificationSettings
from sage_mail.delivery.notifications.trial import try_channel

__all__ = ["Channel", "NotificationDrain", "NotificationSettings", "service_of", "try_channel"]
